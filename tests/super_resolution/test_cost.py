import time

import pytest
import torch
from scripts.super_resolution.cost import _RESET, Cost


def test_peak_of_the_memory_is_measured():
    if not _RESET.exists():
        pytest.skip("resident memory is measured on Linux only")
    with Cost() as cost:
        large = torch.ones(50_000_000)  # 200 MB
        del large
    assert 150 < cost.peak_mb < 400
    with Cost() as less:
        torch.ones(1000)
    assert less.peak_mb < 50 < cost.peak_mb < cost.total_mb


def test_seconds_are_those_of_the_block():
    with Cost() as cost:
        time.sleep(0.02)
    assert cost.seconds >= 0.02
