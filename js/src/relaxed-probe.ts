// Whether this host knows relaxed SIMD at all: a module that uses both relaxed dot products, small enough to be checked
// on every load. That they compute the right values is another question (kernels-probe.ts).

/*
(module
  (func (result v128)
    (i8x16.splat (i32.const 0))
    (i8x16.splat (i32.const 0))
    (i8x16.splat (i32.const 0))
    (i8x16.splat (i32.const 0))
    i16x8.relaxed_dot_i8x16_i7x16_s
    i32x4.relaxed_dot_i8x16_i7x16_add_s))
*/
const MODULE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // one type: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // one function of type 0
  ...[0x0a, 0x1a, 0x01, 0x18, 0x00], // its code, 24 bytes, no locals
  ...[0x41, 0x00, 0xfd, 0x0f], // i32.const 0, i8x16.splat
  ...[0x41, 0x00, 0xfd, 0x0f],
  ...[0x41, 0x00, 0xfd, 0x0f],
  ...[0x41, 0x00, 0xfd, 0x0f],
  ...[0xfd, 0x92, 0x02], // i16x8.relaxed_dot_i8x16_i7x16_s
  ...[0xfd, 0x93, 0x02], // i32x4.relaxed_dot_i8x16_i7x16_add_s
  0x0b,
])

export function knowsRelaxedSimd(): boolean {
  return WebAssembly.validate(MODULE)
}
