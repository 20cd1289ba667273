// The messages between the caller's thread and the engine's worker.
import type { WireError } from './errors.js'
import type { HelpersStarted, HelpersWanted } from './helpers.js'
import type { HostRequest } from './host.js'
import type { GenerateSettings } from './options.js'
import type { Loaded, Snapshot } from './snapshot.js'
import type { SourceSpec } from './source.js'
import type { TextFlags } from './text.js'
import type { Inspection, Perplexity, Piece, Plan, Progress, ScheduleStep } from './types.js'

/** A source in the caller's thread, which the worker asks for bytes. */
export interface RemoteSpec {
  kind: 'remote'
  name: string
  size: number
  identity: string
}

export interface ModelRequest extends Omit<HostRequest, 'source'> {
  source: Exclude<SourceSpec, { kind: 'local' }> | RemoteSpec
}

/** What the worker can be asked: the arguments and the result of each. */
export interface Calls {
  plan: { args: [ModelRequest]; result: Plan }
  inspect: { args: [ModelRequest]; result: Inspection }
  load: { args: [ModelRequest]; result: { loaded: Loaded; snapshot: Snapshot } }
  tokenize: { args: [text: string, flags: TextFlags]; result: number[] }
  detokenize: { args: [ids: number[]]; result: string }
  logits: { args: [ids: number[]]; result: Float32Array }
  perplexity: { args: [text: string]; result: Perplexity }
  generate: { args: [prompt: string | number[], settings: GenerateSettings]; result: undefined }
  setBudget: { args: [bytes: number]; result: Plan }
  schedule: { args: []; result: ScheduleStep[] }
  memoryReport: { args: [format: 'text' | 'json']; result: string }
  close: { args: []; result: undefined }
}

export type Method = keyof Calls

/** Pieces that a worker generates at most before the caller took the first of them. */
export const PIECES_AHEAD = 8

export type ToWorker =
  | { type: 'call'; id: number; method: Method; args: unknown[] }
  | { type: 'credit'; id: number } // one more piece may come
  | { type: 'abort'; id: number }
  | { type: 'bytes'; id: number; bytes: Uint8Array } // answers 'read'
  | { type: 'unreadable'; id: number; error: WireError } // answers 'read'
  | { type: 'started'; helpers: HelpersStarted } // answers 'start'

export type FromWorker =
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; error: WireError }
  | { type: 'piece'; id: number; piece: Piece }
  | { type: 'snapshot'; snapshot: Snapshot }
  | { type: 'progress'; progress: Progress }
  | { type: 'read'; id: number; offset: number; length: number } // of the caller's source
  | { type: 'unread'; id: number } // the answer is not needed any more
  | { type: 'start'; helpers: HelpersWanted }
