"""Reproducible damage to files: bytes changed, fields emptied or filled, parts cut, doubled or moved."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from pydicom.encaps import encapsulate, generate_frames

HEADER = 1600  # where the attributes of the generated files are
EXTREMES = (b"\x00\x00", b"\xff\xff", b"\xff\x7f", b"\x00\x80", b"\x01\x00", b"\xfe\xff\x00\xe0", b"\xff\xff\xff\xff")


def mutate(content: bytes, seed: int, kept: int = 132) -> bytes:
    """Damage a file, in half of the cases its header. The first ``kept`` bytes, by which a file is recognized, stay."""
    generator = np.random.default_rng(seed)
    damaged = bytearray(content)
    limit = min(len(content), HEADER) if generator.random() < 0.5 else len(content)
    kind = generator.integers(10)
    if kind < 6:
        for position in generator.integers(kept, limit, size=generator.integers(1, 33)):
            damaged[position] = generator.integers(256)
    elif kind < 8:
        for position in generator.integers(kept, limit - 4, size=generator.integers(1, 9)):
            extreme = EXTREMES[generator.integers(len(EXTREMES))]
            damaged[position : position + len(extreme)] = extreme
    else:
        start, stop = np.sort(generator.integers(kept, limit, size=2))
        part = damaged[start:stop]
        if kind == 8:
            del damaged[start : stop if generator.random() < 0.5 else len(damaged)]
        else:
            damaged[generator.integers(kept, limit) : 0] = part
    return bytes(damaged)


def mutate_frame(content: bytes, seed: int) -> bytes:
    """Damage only the compressed frame and keep its end marker, so that the decoder receives it."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    damaged = mutate(next(generate_frames(dataset.PixelData, number_of_frames=1)), seed, kept=4)
    dataset.PixelData = encapsulate([damaged + b"\xff\xd9"])
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()
