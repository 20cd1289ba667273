"""Writes xxh3.txt: XXH3-64 of the first n bytes of a fixed sequence. See README.md."""
import xxhash

state, data = 1, bytearray()
for _ in range(2000):
    state = (state * 1664525 + 1013904223) % 2**32
    data.append(state >> 24)
lengths = [*range(0, 520), *range(520, 2000, 37), 1023, 1024, 1025, 1088, 1089, 1999, 2000]
for n in lengths:
    print(n, f"{xxhash.xxh3_64_intdigest(bytes(data[:n])):016x}")
