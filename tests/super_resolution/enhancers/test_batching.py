import logging

import pytest
import torch
from scripts.super_resolution.enhancers.batching import enhance_batches


class SmallMemory:
    """Adds noise; refuses more than ``room`` regions, after it has used up some of the noise."""

    name, scale, weights_hash, needs_native = "small", 1, "none", False

    def __init__(self, room, error=None):
        self.room, self.error, self.sizes = room, error or torch.OutOfMemoryError("CUDA out of memory"), []

    def enhance(self, low_res, *, generators):
        noise = torch.stack([torch.rand(low_res.shape[1:], generator=generator) for generator in generators])
        self.sizes.append(len(low_res))
        if len(low_res) > self.room:
            raise self.error
        return low_res + noise


def regions(count=7):
    return [torch.full((1, 4, 4), float(i)) for i in range(count)], [
        torch.Generator().manual_seed(i) for i in range(count)
    ]


def test_out_of_memory_means_smaller_batches_equal_results_and_a_warning(caplog):
    expected = enhance_batches(SmallMemory(8), *regions(), batch=8)
    enhancer = SmallMemory(2)
    with caplog.at_level(logging.WARNING):
        found = enhance_batches(enhancer, *regions(), batch=8)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert enhancer.sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert "out of memory with 7 regions of 4x4 pixels per batch; continuing with 3" in caplog.text


@pytest.mark.parametrize(
    "error", [RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), MemoryError()]
)
def test_out_of_memory_messages_of_processors_are_recognised(error):
    assert len(enhance_batches(SmallMemory(1, error), *regions(3), batch=2)) == 3


def test_a_region_that_never_fits_into_memory_is_an_error_with_a_remedy():
    with pytest.raises(MemoryError, match=r"one region of 4x4 pixels.*window"):
        enhance_batches(SmallMemory(0), *regions(), batch=2)


def test_other_errors_are_raised():
    with pytest.raises(RuntimeError, match="shape"):
        enhance_batches(SmallMemory(0, RuntimeError("shape mismatch")), *regions(), batch=2)
