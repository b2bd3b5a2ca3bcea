"""Damage to files, the same for the same seed: bytes changed, fields emptied or filled, parts cut, doubled or moved."""

from __future__ import annotations

import numpy as np

HEADER = 1600  # where the attributes of the generated files are
EXTREMES = (b"\x00\x00", b"\xff\xff", b"\xff\x7f", b"\x00\x80", b"\x01\x00", b"\xfe\xff\x00\xe0", b"\xff\xff\xff\xff")


def mutate(content: bytes, seed: int) -> bytes:
    """One of the damages, to the header in half of the cases; the first 132 bytes, which say DICOM, are kept."""
    generator = np.random.default_rng(seed)
    damaged = bytearray(content)
    limit = min(len(content), HEADER) if generator.random() < 0.5 else len(content)
    kind = generator.integers(10)
    if kind < 6:
        for position in generator.integers(132, limit, size=generator.integers(1, 33)):
            damaged[position] = generator.integers(256)
    elif kind < 8:
        for position in generator.integers(132, limit - 4, size=generator.integers(1, 9)):
            extreme = EXTREMES[generator.integers(len(EXTREMES))]
            damaged[position : position + len(extreme)] = extreme
    else:
        start, stop = np.sort(generator.integers(132, limit, size=2))
        part = damaged[start:stop]
        if kind == 8:
            del damaged[start : stop if generator.random() < 0.5 else len(damaged)]
        else:
            damaged[generator.integers(132, limit) : 0] = part
    return bytes(damaged)
