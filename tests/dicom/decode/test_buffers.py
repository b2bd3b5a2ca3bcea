import numpy as np
import pytest
from scripts.dicom.decode.buffers import _FREE_BUFFERS, BufferPool

UINT16 = np.dtype(np.uint16)


@pytest.fixture
def pool():
    return BufferPool()


@pytest.mark.parametrize("dtype", [np.dtype(np.uint8), UINT16])
def test_memory_is_used_again_only_when_no_view_is_left(pool, dtype):
    pixels = pool.array((10, 10), dtype)
    address = pixels.ctypes.data
    part = pixels[5:9]
    del pixels
    assert not pool.free
    part[:] = 7
    del part
    assert len(pool.free) == 1
    assert pool.array((7, 10), dtype).ctypes.data == address


def test_a_buffer_that_is_too_small_is_dropped(pool):
    pool.array((10, 10), UINT16)
    assert len(pool.take(400)) >= 400
    assert not pool.free


def test_few_are_kept(pool):
    arrays = [pool.array((10, 10), UINT16) for _ in range(_FREE_BUFFERS + 3)]
    del arrays
    assert len(pool.free) == _FREE_BUFFERS
