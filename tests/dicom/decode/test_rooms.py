import os

import numpy as np
import pytest
from scripts.dicom.decode.rooms import _FREE_ROOMS, _HUGE_PAGE, SHARED_ROOMS, Room, Rooms, SharedRoom

UINT16 = np.dtype(np.uint16)


@pytest.fixture(params=[Room, SharedRoom])
def rooms(request):
    return Rooms(request.param)


def test_memory_is_used_again_only_when_no_view_is_left(rooms):
    room = rooms.take(200)
    pixels = rooms.pixels(room, (10, 10), UINT16)
    part = pixels[5:9]
    del pixels
    assert not rooms.free
    part[:] = 7
    del part
    assert list(rooms.free) == [room]
    assert rooms.take(150) is room


def test_a_room_that_is_too_small_is_given_up(rooms):
    small = rooms.take(200)
    rooms.free.append(small)
    size = 2 * len(small.memory)
    large = rooms.take(size)
    assert large is not small
    assert len(large.memory) >= size
    assert not rooms.free


def test_few_are_kept(rooms):
    arrays = [rooms.pixels(rooms.take(200), (10, 10), UINT16) for _ in range(_FREE_ROOMS + 3)]
    del arrays
    assert len(rooms.free) == _FREE_ROOMS


def test_pages_are_aligned():
    assert np.frombuffer(Room(100).memory, np.uint8).ctypes.data % _HUGE_PAGE == 0


def test_shared_memory_that_a_fork_sees_is_not_used_again():
    pixels = SHARED_ROOMS.pixels(SHARED_ROOMS.take(200), (10, 10), UINT16)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    del pixels
    assert not SHARED_ROOMS.free
