// How a host's kernels are chosen, with probes and clocks of our own: no speed of this machine comes into it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkKernels, chooseKernels } from '../../dist/kernels-choice.js'

const TIERS = ['relaxed32', 'relaxed16', 'simd128', 'scalar']

/** A clock that moves by what runs, and by a little whenever it is read; coarse: it shows whole milliseconds. */
class FakeClock {
  #ms = 1000
  turns = 0
  longest = 0
  #lastTurn = 1000

  constructor({ coarse = false } = {}) {
    this.coarse = coarse
  }

  now() {
    this.#ms += 0.0002
    return this.coarse ? Math.floor(this.#ms) : this.#ms
  }

  pass(ms) {
    this.#ms += ms
  }

  async turn() {
    this.turns++
    this.longest = Math.max(this.longest, this.#ms - this.#lastTurn)
    this.#lastTurn = this.#ms
  }

  get elapsed() {
    return this.#ms - 1000
  }
}

/** speeds: milliseconds of a call, or a function of the milliseconds that have passed. */
function fake(speeds, { clock = new FakeClock(), wrong = {}, wrongLater = {} } = {}) {
  const asked = []
  return {
    clock,
    asked,
    has: (tier) => tier === 'scalar' || tier in speeds,
    wrong: (tier) => {
      asked.push(tier)
      clock.pass(1)
      return wrong[tier]
    },
    run: (tier, times) => {
      assert.ok(TIERS.includes(tier))
      const speed = speeds[tier]
      for (let i = 0; i < times; i++)
        clock.pass(typeof speed === 'function' ? speed(clock.elapsed) : speed)
      return wrongLater[tier] ? times : 0
    },
  }
}

const choose = (probe, why) => chooseKernels(probe, why, probe.clock)

describe('the kernels that are chosen', () => {
  test('are the fastest, and the reason has all speeds', async () => {
    const r32 = await choose(fake({ relaxed32: 0.007, relaxed16: 0.009, simd128: 0.014 }))
    assert.deepEqual(r32, {
      kernels: 'relaxed32',
      reason: 'relaxed32: 42 G multiply-adds/s, relaxed16 32, simd128 21',
    })
    const r16 = await choose(fake({ relaxed32: 0.0105, relaxed16: 0.0066, simd128: 0.0106 }))
    assert.equal(r16.kernels, 'relaxed16')
    assert.match(r16.reason, /^relaxed16: 4[45] G multiply-adds\/s, relaxed32 28, simd128 28$/)
    const plain = await choose(fake({ relaxed32: 0.03, relaxed16: 0.03, simd128: 0.01 }))
    assert.equal(plain.kernels, 'simd128')
  })

  test('are those that become the fastest when the compiler has done its work', async () => {
    const compiledAt = (ms, before, after) => (elapsed) => (elapsed < ms ? before : after)
    const probe = fake({
      relaxed32: compiledAt(15, 0.08, 0.008),
      relaxed16: compiledAt(5, 0.05, 0.012),
      simd128: 0.02,
    })
    assert.equal((await choose(probe)).kernels, 'relaxed32')
  })

  test('are the first of equally fast ones, whatever the noise', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      // Another program takes the processor for some milliseconds, half of the time.
      const noisy = (ms) => (elapsed) => {
        const window = Math.floor(elapsed / 3) + seed
        return ((window * 48271) % 1000) / 1000 < 0.5 ? ms * 4 : ms
      }
      const equal = fake({ relaxed32: noisy(0.01), relaxed16: noisy(0.0098), simd128: noisy(0.02) })
      assert.equal((await choose(equal)).kernels, 'relaxed32')
      const faster = fake({ relaxed32: noisy(0.01), relaxed16: noisy(0.007), simd128: noisy(0.02) })
      assert.equal((await choose(faster)).kernels, 'relaxed16')
    }
  })

  test('are the fastest also where other programs take most of the time', async () => {
    const clock = new FakeClock()
    let calls = 0
    // 30 milliseconds of somebody else's, again and again
    const disturbed = (ms) => () => (++calls % 97 === 0 ? 30 : ms)
    const probe = fake(
      { relaxed32: disturbed(0.011), relaxed16: disturbed(0.007), simd128: disturbed(0.011) },
      { clock },
    )
    assert.equal((await choose(probe)).kernels, 'relaxed16')
    assert.ok(clock.elapsed < 300, `${clock.elapsed} ms`)
  })

  test('are found with a clock of whole milliseconds', async () => {
    const clock = new FakeClock({ coarse: true })
    const probe = fake({ relaxed32: 0.0105, relaxed16: 0.0066, simd128: 0.0106 }, { clock })
    assert.equal((await choose(probe)).kernels, 'relaxed16')
    assert.ok(clock.elapsed < 150, `${clock.elapsed} ms`)
  })

  test('are never ones with wrong values', async () => {
    const speeds = { relaxed32: 0.005, relaxed16: 0.01, simd128: 0.02 }
    const text = 'relaxed32 kernels compute wrong values on this host: 12 of 104 numbers'
    const early = await choose(fake(speeds, { wrong: { relaxed32: text } }))
    assert.equal(early.kernels, 'relaxed16')
    assert.ok(early.reason.endsWith(`; ${text}`), early.reason)
    const later = await choose(fake(speeds, { wrongLater: { relaxed32: true } }))
    assert.equal(later.kernels, 'relaxed16')
    assert.match(
      later.reason,
      /relaxed16: 29 .*simd128 15; relaxed32 kernels compute wrong values .*compiled for speed/,
    )
    const none = await choose(fake(speeds, { wrong: { relaxed32: text, relaxed16: 'so too' } }))
    assert.deepEqual(none, { kernels: 'simd128', reason: `${text}; so too` })
    const scalar = await choose(
      fake(speeds, { wrongLater: { relaxed32: 1, relaxed16: 1, simd128: 1 } }),
    )
    assert.equal(scalar.kernels, 'scalar')
  })

  test('are simd128 at once where the module has no others', async () => {
    const probe = fake({ simd128: 0.02 })
    const why = 'this host does not know relaxed SIMD'
    assert.deepEqual(await choose(probe, why), { kernels: 'simd128', reason: why })
    assert.equal((await choose(probe)).reason, 'the module has no faster ones')
    assert.equal(probe.clock.elapsed < 0.1, true, 'nothing is timed')
    assert.deepEqual(probe.asked, [])
  })

  test('are chosen within some tens of milliseconds, with turns of the event loop between', async () => {
    for (const coarse of [false, true]) {
      const clock = new FakeClock({ coarse })
      let faster = 1
      const restless = () => {
        faster *= 0.999 // all the time
        return faster * 0.05
      }
      await choose(fake({ relaxed32: restless, relaxed16: restless, simd128: restless }, { clock }))
      assert.ok(clock.elapsed < (coarse ? 150 : 70), `${clock.elapsed} ms`)
      assert.ok(clock.longest < 10, `${clock.longest} ms without a turn`)
    }
  })
})

describe('kernels that are asked for', () => {
  const speeds = { relaxed32: 0.01, relaxed16: 0.01, simd128: 0.02 }
  const check = (probe, kernels) => checkKernels(probe, kernels, probe.clock)

  test('are taken', async () => {
    for (const kernels of TIERS)
      assert.deepEqual(await check(fake(speeds), kernels), { kernels, reason: 'asked for' })
  })

  test('are refused if they are missing or wrong', async () => {
    const refused = (pattern) => ({ code: 'E_UNSUPPORTED', message: pattern })
    await assert.rejects(
      check(fake({ simd128: 0.02 }), 'relaxed16'),
      refused(/^kernels 'relaxed16': the module given does not have them; use 'auto'/),
    )
    const wrong = { relaxed16: 'relaxed16 kernels compute wrong values on this host: 3 of 104' }
    await assert.rejects(
      check(fake(speeds, { wrong }), 'relaxed16'),
      refused(/3 of 104; use 'auto'/),
    )
    assert.equal((await check(fake(speeds, { wrong }), 'relaxed32')).kernels, 'relaxed32')
    const later = fake(speeds, { wrongLater: { relaxed32: true } })
    await assert.rejects(check(later, 'relaxed32'), refused(/compiled for speed: \d+ numbers/))
  })
})
