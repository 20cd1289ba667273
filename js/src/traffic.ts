// Counts what a source delivers, and the JavaScript buffers that hold bytes on their way into WebAssembly memory.

export class Traffic {
  /** Reads of the source. */
  requests = 0
  /** Bytes that came. */
  fetchedBytes = 0
  /** Bytes of JavaScript buffers: now, and at most so far. */
  jsBytes = 0
  jsPeakBytes = 0

  hold(bytes: number): void {
    this.jsBytes += bytes
    this.jsPeakBytes = Math.max(this.jsPeakBytes, this.jsBytes)
  }

  release(bytes: number): void {
    this.jsBytes -= bytes
  }
}
