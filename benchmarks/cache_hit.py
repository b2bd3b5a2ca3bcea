"""What a cache hit costs: an entry read, verified and turned into the network's tensor.

python benchmarks/cache_hit.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.image_cache import read_entry, write_entry  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        for size in (224, 384, 512):
            path = Path(name) / f"{size}.u16"
            write_entry(path, rng.integers(0, 65536, (size, size), dtype=np.uint16))
            times = []
            for _ in range(200):
                started = time.perf_counter()
                pixels = read_entry(path)
                assert pixels is not None
                torch.from_numpy(pixels.astype(np.float32)[None] / 65535)
                times.append(time.perf_counter() - started)
            print(f"{size} pixels: {1000 * statistics.median(times):.2f} ms")


if __name__ == "__main__":
    main()
