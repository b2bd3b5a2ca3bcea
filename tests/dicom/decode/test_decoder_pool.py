import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from scripts.dicom import RefusedInput
from scripts.dicom.decode import decoder_pool as module
from scripts.dicom.decode.decoder_pool import DecoderPool

from ..cases import STORED, encode

UINT16 = np.dtype(np.uint16)


@pytest.fixture
def two_processors(monkeypatch):
    monkeypatch.setattr(module, "_processors", lambda: 2)


@pytest.fixture
def pool():
    pool = DecoderPool()
    yield pool
    pool.stop()


def decode(pool, stored=STORED):
    return pool.decode("jpeg2k_decode", encode("90", stored), stored.shape, UINT16)


def test_one_child_for_one_thread(pool):
    for _ in range(3):
        np.testing.assert_array_equal(decode(pool), STORED)
    assert len(pool.children) == 1


def test_threads_decode_at_the_same_time(two_processors, pool, monkeypatch):
    both = Barrier(2, timeout=60)  # broken if one waits for the other
    original = module.DecoderProcess.decode

    def meet(*arguments):
        both.wait()
        return original(*arguments)

    monkeypatch.setattr(module.DecoderProcess, "decode", meet)
    images = [STORED, STORED[::-1].copy()]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda image: decode(pool, image), images))
    np.testing.assert_array_equal(found, images)
    assert len(pool.children) == len(pool.idle) == 2


def test_not_more_children_than_processors(monkeypatch):
    monkeypatch.setattr(module, "_processors", lambda: 1)
    pool = DecoderPool()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: decode(pool), range(8)))
    assert all(np.array_equal(image, STORED) for image in found)
    assert len(pool.children) == 1
    pool.stop()


def test_one_frame_gets_its_share_of_the_processors(pool, monkeypatch):
    monkeypatch.setattr(module, "_processors", lambda: 6)
    given = []
    monkeypatch.setattr(module.DecoderProcess, "decode", lambda self, *arguments: given.append(arguments[-1]))
    arguments = ("jpeg2k_decode", None, STORED.shape, UINT16)
    pool.decode(*arguments, parallel=True)
    pool.decode(*arguments)
    other = pool.take()  # decodes
    pool.decode(*arguments, parallel=True)
    pool.idle.append(other)
    monkeypatch.setattr(module, "_processors", lambda: 1)
    pool.decode(*arguments, parallel=True)
    assert given == [4, None, 3, 1]


def test_threads_give_the_same_pixels(pool, monkeypatch):
    large = np.tile(STORED, (20, 20))
    monkeypatch.setattr(module, "_processors", lambda: 8)
    found = pool.decode("jpeg2k_decode", encode("90", large), large.shape, UINT16, parallel=True)
    np.testing.assert_array_equal(found, large)


def test_a_refused_frame_gives_its_child_back(pool):
    with pytest.raises(RefusedInput):
        pool.decode("jpeg2k_decode", b"nonsense", STORED.shape, UINT16)
    np.testing.assert_array_equal(decode(pool), STORED)
    assert len(pool.children) == len(pool.idle) == 1


def test_a_system_that_does_not_tell_the_processors_of_a_process(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert module._processors() == os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_worker_has_its_own_children():
    pool = module.DECODER_POOL
    decode(pool)
    (child,) = {process.process.pid for process in pool.idle if process.process}
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        same = not pool.children and np.array_equal(decode(pool), STORED)
        pool.stop()
        os.write(writer, b"1" if same else b"0")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 1) == b"1"
    np.testing.assert_array_equal(decode(pool), STORED)
    assert pool.idle[-1].process.pid == child
