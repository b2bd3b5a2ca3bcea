import mmap
import time

import numpy as np
import pytest
import torch
from scripts.super_resolution.cost import _RESET, Cost


def test_peak_of_the_memory_is_measured():
    if not _RESET.exists():
        pytest.skip("resident memory is measured on Linux only")
    with Cost() as cost:
        # Fresh pages: an allocator may give freed memory of earlier tests, which is resident already.
        large = np.frombuffer(mmap.mmap(-1, 200_000_000), np.uint8)
        large[:] = 1
        del large
    assert 150 < cost.peak_mb < 400
    with Cost() as less:
        torch.ones(1000)
    assert less.peak_mb < 50 < cost.peak_mb < cost.total_mb


def test_seconds_are_those_of_the_block():
    with Cost() as cost:
        time.sleep(0.02)
    assert cost.seconds >= 0.02
