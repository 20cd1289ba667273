// One instance of the WebAssembly module: its memory, its functions, and typed access to the exchange block.
import * as abi from './abi.js'
import { codeOf, isNoMemory, messageOf, TinyAIError } from './errors.js'
import { isThreaded } from './threads.js'

export const PAGE_BYTES = 65536

/** A field as js/src/abi.ts describes it. */
export interface Field {
  at: number
  type: 'u32' | 'i32' | 'u64' | 'f32' | 'utf8' | 'struct'
}

/** The functions of wasm/exports.txt. Unsigned results come as signed numbers: see call(). */
interface Exports {
  tinyai_js_exchange(): number
  tinyai_js_program_bytes(): number
  tinyai_js_plan(header: number, headerBytes: number, memoryBytes: number): number
  tinyai_js_header_address(reservedBytes: number, headerBytes: number): number
  tinyai_js_open(headerBytes: number, reservedBytes: number): number
  tinyai_js_tokenize(textBytes: number, flags: number): number
  tinyai_js_detokenize(nIds: number, flags: number): number
  tinyai_js_begin_generate(nIds: number): number
  tinyai_js_begin_batch(nItems: number): number
  tinyai_js_step(maxWork: number): number
  tinyai_js_end(): void
  tinyai_js_logits_nll(token: number): number
  tinyai_js_take_ranges(): number
  tinyai_js_complete(id: number, status: number, bytes: number): number
  tinyai_js_cancelled(id: number): number
  tinyai_js_stats(): void
  tinyai_js_block(block: number): number
  tinyai_js_regions(): number
  tinyai_js_set_budget(bytes: number): number
  tinyai_js_schedule(first: number): number
  tinyai_js_report(json: number, skip: number): number
  tinyai_js_inspect(header: number, headerBytes: number, memoryBytes: number): number
  tinyai_js_inspect_header(): number
  tinyai_js_inspect_key(index: number): number
  tinyai_js_inspect_tensor(index: number): number
  tinyai_js_conversion(): number
  tinyai_js_convert_measure(
    header: number,
    headerBytes: number,
    memoryBytes: number,
    layout: number,
  ): number
  tinyai_js_convert_begin(headerBytes: number, memoryBytes: number, layout: number): number
  tinyai_js_convert_next(): number
  tinyai_js_convert_moved(): number
  tinyai_js_probe_has(kernels: number): number
  tinyai_js_probe_values(kernels: number): number
  tinyai_js_probe_begin(): void
  tinyai_js_probe_run(kernels: number, times: number): number
  // Of modules with threads only:
  tinyai_js_helper_stack(index: number): number
  tinyai_js_stop_helpers?(): void
}

export class Engine {
  readonly wasm: Exports
  readonly memory: WebAssembly.Memory
  /**
   * All of the memory; it never grows, so these stay valid. Where helpers compute it is shared, which not every function
   * of a host takes: TextDecoder and TextEncoder get copies.
   */
  readonly bytes: Uint8Array
  readonly #view: DataView
  /** Address of the exchange block. */
  readonly #exchange: number

  /** memoryBytes: what the instance has for everything, rounded up to whole pages. */
  static async create(module: WebAssembly.Module, memoryBytes: number): Promise<Engine> {
    const pages = Math.ceil(memoryBytes / PAGE_BYTES)
    const refused = (cause: unknown) => {
      const message = `the host did not give ${pages * PAGE_BYTES} bytes of WebAssembly memory (${messageOf(cause)}); lower memoryBudget or free memory`
      return new TinyAIError('E_NOMEM', message, { asked: pages * PAGE_BYTES, cause })
    }
    let memory: WebAssembly.Memory
    try {
      memory = new WebAssembly.Memory({
        initial: pages,
        maximum: pages,
        shared: isThreaded(module),
      })
    } catch (cause) {
      throw refused(cause)
    }
    try {
      return new Engine(await WebAssembly.instantiate(module, { env: { memory } }), memory)
    } catch (cause) {
      throw isNoMemory(cause) ? refused(cause) : cause
    }
  }

  constructor(instance: WebAssembly.Instance, memory: WebAssembly.Memory) {
    this.wasm = instance.exports as unknown as Exports
    this.memory = memory
    this.bytes = new Uint8Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.#exchange = this.wasm.tinyai_js_exchange() >>> 0
  }

  get memoryBytes(): number {
    return this.bytes.length
  }

  /** Whether the memory is another one than at the start; it never is. */
  get grown(): boolean {
    return this.memory.buffer !== this.bytes.buffer
  }

  // ---- the exchange block ----------------------------------------------------------------------

  /** Address of a structure in the exchange block, or of element `index` of an array of them. */
  address(field: Field, element: { size: number } = { size: 0 }, index = 0): number {
    return this.#exchange + field.at + element.size * index
  }

  get(field: Field, base: number = this.#exchange, index = 0): number {
    const at = base + field.at
    switch (field.type) {
      case 'u32':
        return this.#view.getUint32(at + 4 * index, true)
      case 'i32':
        return this.#view.getInt32(at + 4 * index, true)
      case 'f32':
        return this.#view.getFloat32(at + 4 * index, true)
      default:
        return wholeNumber(this.#view, at + 8 * index)
    }
  }

  set(field: Field, value: number, base: number = this.#exchange): void {
    const at = base + field.at
    switch (field.type) {
      case 'f32':
        this.#view.setFloat32(at, value, true)
        break
      case 'u64':
        this.#view.setUint32(at, value % 2 ** 32, true)
        this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
        break
      default:
        this.#view.setUint32(at, value, true)
    }
  }

  /** The bytes of a structure in the exchange block, as they change. */
  view(field: Field, bytes: number): Uint8Array {
    const at = this.#exchange + field.at
    return this.bytes.subarray(at, at + bytes)
  }

  // ---- errors ----------------------------------------------------------------------------------

  /** What the engine says about a negative status. */
  errorText(status: number): string {
    const at = this.address(abi.Exchange.error) + abi.ErrorInfo.message.at
    return decodeText(this.bytes, at, 352) || abi.MEANING[codeOf(status)]
  }

  /** Throws the error of a negative status, with what the engine says about it. */
  check(status: number, url: string): number {
    if (status >= 0) return status
    const base = this.address(abi.Exchange.error)
    const info = abi.ErrorInfo
    const noOffset = this.#view.getUint32(base + info.offset.at + 4, true) === 0xffffffff
    throw new TinyAIError(codeOf(status), `${url}: ${this.errorText(status)}`, {
      url,
      offset: noOffset ? undefined : this.get(info.offset, base),
      asked: this.get(info.asked_bytes, base) || undefined,
      allowed: this.get(info.allowed_bytes, base) || undefined,
      missing: this.get(info.missing_bytes, base) || undefined,
    })
  }
}

/** A u64, which JS numbers hold up to 2^53. */
export function wholeNumber(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true)
  if (high >= 2 ** 21) throw new TinyAIError('E_INTERNAL', `a size of the engine is above 2^53`)
  return view.getUint32(at, true) + high * 2 ** 32
}

const decoder = new TextDecoder()

/** Text that ends at a NUL or after `most` bytes. */
function decodeText(bytes: Uint8Array, at: number, most: number): string {
  const end = bytes.indexOf(0, at)
  return decoder.decode(bytes.slice(at, end < 0 ? at + most : Math.min(end, at + most)))
}
