/// <reference lib="esnext.disposable" preserve="true" />
// The public types of the package. Sizes are bytes and times are milliseconds unless a name says otherwise.

/**
 * A number of bytes, or a string such as `'256MB'`, `'1.5 GB'`, `'64k'`. As is usual for memory, 1 KB = 1024 bytes,
 * 1 MB = 1024 KB and 1 GB = 1024 MB (`KiB`, `MiB`, `GiB` mean the same).
 */
export type Size = number | string

/**
 * Where the bytes of a model come from, when it is none of the built-in kinds. It is called in the thread that made it.
 * An object without these three members is refused.
 */
export interface Source {
  /** Exact size of the file in bytes, below 2^53. */
  readonly size: number
  /** Changes when the bytes change: a hash, a validator, a time. */
  readonly identity: string
  /** Exactly `length` bytes from `offset`, or a rejection. The bytes are copied before the next event-loop turn. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>
  /**
   * The same straight into `into` (all of it). Used instead of `read` when the engine runs in the same thread. With
   * several threads `into` is shared memory, which some interfaces of the host do not write to: leave it out for these.
   */
  readInto?(offset: number, into: Uint8Array, signal: AbortSignal): Promise<void>
}

/**
 * A model file:
 * - an `http(s):` URL (string or `URL`) whose server answers range requests;
 * - in Node a path or `file:` URL; in a browser any other string is a URL relative to the page;
 * - a `Blob` or `File`, read slice by slice;
 * - a `Uint8Array` (stays where it is; its bytes must not change);
 * - a {@link Source} of your own.
 */
export type ModelSource = string | URL | Blob | Uint8Array | Source

/** `'f32'` exact, `'f16'` half the memory, `'q8'` a good quarter. */
export type KvType = 'f32' | 'f16' | 'q8'

/**
 * What kernels compute with: plain code, SIMD128, or the dot products of relaxed SIMD into sums of 16 or 32 bits. The
 * result is the same with all of them, bit for bit.
 */
export type Tier = 'scalar' | 'simd128' | 'relaxed16' | 'relaxed32'

/** `'auto'`: the fastest whose values are right on this host. */
export type Kernels = 'auto' | Tier

/**
 * What the budget is spent on; the results are the same in all of them, bit for bit.
 * - `'normal'`: blocks that stay in memory first, then more prompt tokens per pass;
 * - `'memory-opt'`: nothing beyond the least memory, whatever the budget;
 * - `'streaming'`: reading overlaps computing, and nothing stays;
 * - `'adaptive'`: overlap first, then more prompt tokens per pass, then blocks that stay.
 */
export type Mode = 'normal' | 'memory-opt' | 'streaming' | 'adaptive'

/** What reserved memory is for. */
export type Purpose =
  | 'program' // static data and stack of the program
  | 'engine' // state of the engine and directory of the file
  | 'threads' // stacks of the threads that help computing
  | 'tokenizer' // vocabulary
  | 'weights' // block slots: pinned and streaming
  | 'head' // output head, resident and streaming strips, and final norm
  | 'embedding' // embedding matrix when resident, and rows in flight
  | 'kv' // keys and values of the context
  | 'activations' // activations, attention scores, tokenizer and sampler scratch
  | 'text' // prompt, token history, logits and text on its way out
  | 'header' // file header while it is parsed

export interface Progress {
  /** `'header'` while planning; `'weights'` from the first pass on, until every weight was read once. */
  stage: 'header' | 'weights'
  loaded: number
  total: number
}

/** Options of `load`. `plan` and `inspect` take the same, so that one object serves all. */
export interface LoadOptions {
  /**
   * Bytes of WebAssembly memory the model may use: program, weights, context, everything. Never exceeded.
   * Default: what keeps the model fully resident if that is at most 512 MiB (256 MiB on phones), else that cap.
   */
  memoryBudget?: Size
  /** Bytes that memory is reserved for: how far `setBudget` can raise the budget. Default: the budget itself. */
  maxMemoryBudget?: Size
  /** What the budget is spent on. Default `'adaptive'`. */
  mode?: Mode
  /** Tokens of context. Default: the model's own, at most 4096, lowered until it fits the budget. */
  contextLength?: number
  /** Type of the cached keys and values. Default `'q8'`. */
  kv?: KvType
  /**
   * Kernels to compute with. Default `'auto'`: those that this host accepts are tried once per page or process, for a few
   * milliseconds, while the model's header is read; `stats().engine.kernelsReason` says what came of it. Others are
   * refused with `E_UNSUPPORTED` if the host cannot run them or computes wrong values with them.
   */
  kernels?: Kernels
  /**
   * Threads that compute, 1 to 16, the engine's own included; each takes some memory of the budget. The result is the same,
   * bit for bit. Default: one per processor, at most 8 (4 on phones), or 1 where the budget has no room for more.
   * Pages must be cross-origin isolated for more than 1; `stats().engine` says how many compute, and why not more.
   */
  threads?: number
  /** Reserved for the block cache; so far `'auto'` and `'none'`, both without a cache. */
  cache?: 'auto' | 'none'
  /** Read ahead while computing, for the memory of one more block. Default `true`. */
  prefetch?: boolean
  /** Longest range that is read at once, 4 KiB to 64 MiB. Default: the engine's. */
  readChunkBytes?: Size
  /** Run the engine in a worker. Default `true`; `false` runs it, in steps of about 5 ms, in the calling thread. */
  worker?: boolean
  /**
   * Where the engine's module lies, relative to the page; in Node a `file:` or other full URL. It is then the only one, and
   * decides which kernels there are. Default: `tinyai.wasm` beside this module, or `tinyai-relaxed.wasm` on hosts that know
   * relaxed SIMD.
   */
  wasmUrl?: string | URL
  /** The bytes of a module, instead of `wasmUrl`. */
  wasmBytes?: Uint8Array | ArrayBuffer
  /** Aborts the planning or loading. */
  signal?: AbortSignal
  /** Told while the header is read, and from then on while weights are read for the first time. */
  onProgress?: (progress: Progress) => void
}

/** What a model would take, computed from the header of its file alone. */
export interface Plan {
  /** Whether the budget holds the model. If not, `minBudget` and `missingBytes` tell what would. */
  fits: boolean
  /** The budget asked for, or chosen by the default rule. */
  budgetBytes: number
  /** Smallest budget for this context length and kv type. */
  minBudget: number
  /** Smallest budget at which nothing is streamed; 0 in a mode that streams whatever the budget. */
  residentBytes: number
  /** What will be used at most: at most `budgetBytes` when it fits. */
  peakBytes: number
  /** The memory that is reserved: what would be used under `maxBudgetBytes`. */
  reservedBytes: number
  /** How far `setBudget` can raise the budget. */
  maxBudgetBytes: number
  /** How far `setBudget` can lower the budget: nothing stays but what one step needs. */
  smallestBytes: number
  /** Part of that which opening the file needs. */
  openBytes: number
  /** `minBudget - budgetBytes`, or 0. */
  missingBytes: number
  mode: Mode
  /** Threads that memory is planned for. */
  threads: number
  /** Used while running, by purpose. */
  byPurpose: Record<Purpose, number>
  /** Transformer blocks of the model. */
  blocks: number
  /** Blocks that are in memory at a time. */
  slots: number
  /** Blocks that stay in memory. */
  pinnedBlocks: number
  /** Bytes of the largest block: the size of a slot. */
  blockBytes: number
  /** Prompt tokens that one pass over the weights takes in. */
  promptTokensPerPass: number
  /** Bytes that every generated token reads from the source. */
  streamedBytesPerToken: number
  contextLength: number
  /** Longest context that fits the budget, at most `modelContext`. */
  longestContext: number
  /** The model's own context length. */
  modelContext: number
  vocabSize: number
  /** Pieces in which the output head is computed, and how many of them stay in memory. */
  headStrips: number
  residentHeadStrips: number
  /** Whether the embedding matrix stays in memory; otherwise rows are read as they are needed. */
  embeddingResident: boolean
  fileBytes: number
  headerBytes: number
  /** Memory that the planning itself took, given back. */
  planningBytes: number
}

/** A value of the metadata; of an array only what it is. Integers above 2^53 lose their last digits. */
export type MetadataValue = number | string | boolean | { arrayOf: string; length: number }

/** How the values of a matrix lie: as they are computed with, or row behind row, as in GGUF. */
export type TensorLayout = 'panels' | 'rows'

export interface TensorInfo {
  name: string
  /** `'Q4_0'`, `'F32'`, … */
  type: string
  layout: TensorLayout
  /** The first is the length of a row. */
  shape: number[]
  /** Where its data lies in the file, and how long it is. */
  offset: number
  bytes: number
}

/** What the header of a file says, whether or not this version can run the model. */
export interface Inspection {
  format: 'GGUF' | 'TMAI'
  /** Of the format. */
  version: number
  alignment: number
  fileBytes: number
  headerBytes: number
  /** Of the first tensor's data. */
  dataOffset: number
  metadata: Record<string, MetadataValue>
  tensors: TensorInfo[]
}

export interface TokenizeOptions {
  /** BOS in front, if the model wants it. Default `true`. */
  addSpecial?: boolean
  /** Whether special tokens written in the text (`<|end|>`) become tokens. Default `true`. */
  parseSpecial?: boolean
  signal?: AbortSignal
}

export interface GenerateOptions extends TokenizeOptions {
  /** Tokens to generate at most. Default: until the context is full. */
  maxTokens?: number
  /** 0 takes the most probable token. Default 0.7. */
  temperature?: number
  /** Only the K most probable tokens; 0: all. Default 40. */
  topK?: number
  /** Only the fewest most probable tokens that together have probability P; 1: all. Default 0.95. */
  topP?: number
  /** Only tokens at least this probable, relative to the best; 0: all. Default 0. */
  minP?: number
  /** Makes tokens among the last `repeatLastN` less probable; 1: not at all. 0.01 to 100, default 1. */
  repeatPenalty?: number
  /** Tokens that `repeatPenalty` looks back, prompt included. Default 64. */
  repeatLastN?: number
  /** 0 to 2^53 - 1; the same seed gives the same text on every host. Default: random, see `stats().engine.seed`. */
  seed?: number
  /** Ends the text before any of these; at most 16, 1024 bytes together. */
  stop?: string | string[]
  /** Go on after an end-of-text token. Default `false`. */
  ignoreEos?: boolean
}

/** One token, and the text that it made safe to show. */
export interface Piece {
  /** Whole characters; empty while a character or a possible stop string is incomplete. */
  text: string
  id: number
}

export interface Perplexity {
  /** exp(nll / tokens) */
  perplexity: number
  /** Sum of -ln(probability) over the predicted tokens. */
  nll: number
  /** Predicted tokens. */
  tokens: number
}

export interface MemoryStats {
  budgetBytes: number
  /** How far `setBudget` can raise it. */
  maxBudgetBytes: number
  plannedPeakBytes: number
  /** Used now; the sum of `byPurpose`. */
  currentBytes: number
  /** Used at most so far. */
  peakBytes: number
  /** All reservations since the start, together, and how many there were. */
  totalAllocatedBytes: number
  allocationCount: number
  /** Share of `currentBytes` that only aligns other memory, 0 to 1. */
  fragmentation: number
  byPurpose: Record<Purpose, number>
  /** Bytes of JavaScript buffers outside the WebAssembly memory: now, and at most so far. Never above 8 MiB. */
  jsBytes: number
  jsPeakBytes: number
  /** Size of the WebAssembly memory: what the plan reserves, in whole pages. */
  wasmBytes: number
  /** How often that memory has grown: always 0. */
  grown: number
}

export interface StreamStats {
  /** Bytes the engine has read: header, blocks, output head and embedding rows. */
  bytesRead: number
  /** Bytes the source delivered: the same and what was read too much (header guess, gaps between merged ranges). */
  fetchedBytes: number
  /** Reads of the source: HTTP requests, file reads, slices. */
  requests: number
  /** Blocks found in memory when their turn came. */
  hits: number
  /** Blocks that had to be read for their turn. */
  misses: number
  /** Misses whose reading had begun before their turn. */
  prefetched: number
  /** Time without anything to compute because bytes were missing. */
  stalledMs: number
  /** Reads repeated after a failure. */
  retries: number
  /** Passes over the blocks. */
  passes: number
}

export type BlockState = 'absent' | 'loading' | 'resident'

export interface BlockStats {
  index: number
  state: BlockState
  /** Bytes read from the source for it. */
  bytes: number
  pinned: boolean
}

/** Of the last generation; times without the caller's own. */
export interface SpeedStats {
  promptTokens: number
  /** From the start to the first token. */
  promptMs: number
  generatedTokens: number
  /** From the first token to the last. */
  generateMs: number
}

export interface EngineStats {
  kernels: Tier
  /** Why these kernels: what was measured, or what the host cannot do. */
  kernelsReason: string
  /** The module that runs: `'tinyai.wasm'`, `'tinyai-relaxed.wasm'` or whatever `wasmUrl` names. */
  module: string
  mode: Mode
  threads: number
  /** Why fewer threads compute than were asked for, or than the default would be; or `null`. */
  threadsReason: string | null
  /** Where the engine runs: `'worker'` or `'inline'`. */
  variant: 'worker' | 'inline'
  /** XXH3-64 of all logits of every generated position of the last generation, 16 hex digits. */
  logitsHash: string
  /** Of the last generation. */
  seed: number
  version: string
}

/** Of a process, or of one owner of memory. */
export interface MemoryFacts {
  currentBytes: number
  peakBytes: number
  totalAllocatedBytes: number
  allocationCount: number
  liveAllocations: number
  failedAllocations: number
  reservedBytes: number
  freeBytes: number
  largestFreeBlockBytes: number
  /** Share of the free bytes that lies outside the largest free block, 0 to 1. */
  fragmentation: number
}

/** An allocator, a pool, a model: what it holds and what for. */
export interface MemoryOwner extends MemoryFacts {
  kind: string
  strategy: string | null
  /** Whether its memory is that of another owner. */
  nested: boolean
  tracked: boolean
  budgetBytes: number
  byPurpose?: Record<Purpose, number>
  /** Of what has layers. */
  cache?: {
    layers: number
    slots: number
    pinned: number
    hits: number
    misses: number
    passes: number
    streamedBytesPerPass: number
    fileBytes: number
    minBudgetBytes: number
    residentBytes: number
  }
  largestBlocks: { bytes: number; name: string | null }[]
  callSites: {
    site: string
    liveBytes: number
    liveCount: number
    totalBytes: number
    totalCount: number
  }[]
  untrackedAllocations: number
  notFreedYet?: { allocations: number; bytes: number; firstSite: string | null }
}

export interface MemoryVerdict {
  item: string
  /** Of an issue `'none'` or `'found'`, of a point of the checklist one of the others. */
  state: 'none' | 'found' | 'done' | 'not done' | 'not applicable'
  number: number
  why: string
  advice: string | null
}

/** The memory report as an object. */
export interface MemoryReport {
  tracking: boolean
  process: MemoryFacts
  owners: MemoryOwner[]
  leaks: { allocations: number; bytes: number; firstSite: string | null }
  issues: MemoryVerdict[]
  checklist: MemoryVerdict[]
}

/** One unit of a pass over the model. */
export interface ScheduleStep {
  /** In the order in which they run. */
  index: number
  /** The final norm, a transformer block, a strip of the output head. */
  kind: 'final' | 'block' | 'head'
  /** Of the block or strip among those of its kind. */
  unit: number
  /** Bytes read from the source for it. */
  bytes: number
  /** The step whose output it needs. */
  dependsOn: number | null
  dependency: 'none' | 'sequential' | 'residual' | 'attention'
  /** In the memory for its kind; `null` while it has none. */
  slot: number | null
  pinned: boolean
  state: BlockState
  /** The step whose reading begins, at the latest, while this one computes. */
  prefetch: number | null
}

/** Of the last finished step. */
export interface Stats {
  memory: MemoryStats
  stream: StreamStats
  blocks: BlockStats[]
  speed: SpeedStats
  engine: EngineStats
}

export interface ModelEvents {
  /** The memory statistics changed (at most about 10 times a second while generating). */
  memory: MemoryStats
  /** A block changed its state. */
  block: BlockStats
  progress: Progress
}

/**
 * A loaded model. One operation at a time: a second generate, logits, perplexity, tokenize or detokenize while one
 * runs is refused with `E_BUSY`.
 */
export interface Model {
  /** The plan that the model runs by: that of loading, or of the last `setBudget`. Its memory is exactly that. */
  readonly plan: Plan
  /**
   * Continues a prompt (text, or token ids as they are). Starts when the first piece is asked for, and ends early when
   * the loop over it is left. Rejects with `E_CONTEXT` if the prompt is longer than the context, with an `AbortError`
   * on abort, with `E_CLOSED` if the model is closed meanwhile.
   */
  generate(
    prompt: string | ArrayLike<number>,
    options?: GenerateOptions,
  ): AsyncIterableIterator<Piece>
  tokenize(text: string, options?: TokenizeOptions): Promise<number[]>
  detokenize(ids: ArrayLike<number>, options?: { signal?: AbortSignal }): Promise<string>
  /** Logits after the last of `ids` (1 to contextLength of them): one float per token of the vocabulary. */
  logits(ids: ArrayLike<number>, options?: { signal?: AbortSignal }): Promise<Float32Array>
  /**
   * Perplexity of a text, tokenized whole and without special tokens, in consecutive windows of `contextLength`
   * positions: BOS and `contextLength - 1` tokens. Every token is predicted once.
   */
  perplexity(text: string, options?: { signal?: AbortSignal }): Promise<Perplexity>
  stats(): Stats
  /**
   * Moves to another budget, at any time, also while generating: from `plan.smallestBytes` to `plan.maxBudgetBytes`.
   * Blocks that stayed are dropped, or stay again when their turn comes; context and text are untouched. Resolves to
   * the new plan; rejects with `E_BUDGET` (`asked`, `allowed`, `missing`), and changes nothing, if it cannot fit.
   */
  setBudget(bytes: Size): Promise<Plan>
  /** What a pass over the model does, in order; at any time. */
  schedule(): Promise<ScheduleStep[]>
  /** What is known about the memory of the model, for people or as an object; at any time. */
  memoryReport(options?: { format?: 'text' }): Promise<string>
  memoryReport(options: { format: 'json' }): Promise<MemoryReport>
  /** Calls `listener` on events; returns a function that ends this. */
  on<E extends keyof ModelEvents>(event: E, listener: (value: ModelEvents[E]) => void): () => void
  /** Ends what runs (it rejects with `E_CLOSED`) and gives everything back. May be called again. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
