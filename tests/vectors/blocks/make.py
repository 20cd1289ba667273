"""Writes blocks.txt: random quantized blocks and the weights in them. See README.md."""
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize

# type: offsets of its f16 scales
TYPES = {
    T.Q4_0: [0], T.Q5_0: [0], T.Q8_0: [0], T.Q4_K: [0, 2], T.Q6_K: [208],
    T.Q4_1: [0, 2], T.Q5_1: [0, 2], T.IQ4_NL: [0], T.Q2_K: [80, 82], T.Q3_K: [108],
    T.Q5_K: [0, 2], T.IQ4_XS: [0],
}  # fmt: skip

rng = np.random.default_rng(1)
for kind, scales in TYPES.items():
    for _ in range(2):
        block = rng.integers(0, 256, GGML_QUANT_SIZES[kind][1], dtype=np.uint8)
        for at in scales:
            block[at : at + 2] = np.array([rng.uniform(-0.1, 0.1)], np.float16).view(np.uint8)
        weights = dequantize(block, kind).astype(np.float32)
        sys.stdout.write(f"{int(kind)} {len(weights)} {block.tobytes().hex()}\n")
        sys.stdout.write(" ".join(f"{bits:08x}" for bits in weights.view(np.uint32)) + "\n")
