import os

import numpy as np
import pytest
from scripts.dicom.decode.buffers import (
    _FREE_BUFFERS,
    _HUGE_PAGE,
    SHARED_BUFFERS,
    BufferPool,
    PrivateBuffer,
    SharedBuffer,
)

UINT16 = np.dtype(np.uint16)


@pytest.fixture(params=[PrivateBuffer, SharedBuffer])
def pool(request):
    return BufferPool(request.param)


def test_memory_is_used_again_only_when_no_view_is_left(pool):
    buffer = pool.take(200)
    pixels = pool.array(buffer, (10, 10), UINT16)
    part = pixels[5:9]
    del pixels
    assert not pool.free
    part[:] = 7
    del part
    assert list(pool.free) == [buffer]
    assert pool.take(150) is buffer


def test_a_buffer_that_is_too_small_is_dropped(pool):
    small = pool.take(200)
    pool.free.append(small)
    size = 2 * len(small.memory)
    large = pool.take(size)
    assert large is not small
    assert len(large.memory) >= size
    assert not pool.free


def test_few_are_kept(pool):
    arrays = [pool.array(pool.take(200), (10, 10), UINT16) for _ in range(_FREE_BUFFERS + 3)]
    del arrays
    assert len(pool.free) == _FREE_BUFFERS


def test_pages_are_aligned():
    assert np.frombuffer(PrivateBuffer(100).memory, np.uint8).ctypes.data % _HUGE_PAGE == 0


def test_shared_memory_that_a_fork_sees_is_not_used_again():
    pixels = SHARED_BUFFERS.array(SHARED_BUFFERS.take(200), (10, 10), UINT16)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    del pixels
    assert not SHARED_BUFFERS.free
