import os
import signal

import numpy as np
import pytest
from scripts.dicom import RefusedInput
from scripts.dicom import isolation as module
from scripts.dicom.isolation import DecoderProcess

from .cases import STORED, encode

UINT16 = np.dtype(np.uint16)


@pytest.fixture
def decoder():
    process = DecoderProcess()
    yield process
    process.stop()


def decode(decoder, frame=None, function="jpeg2k_decode", shape=STORED.shape):
    return decoder.decode(function, encode("90", STORED) if frame is None else frame, shape, UINT16, {})


def test_pixels_come_back_and_are_ones_own(decoder):
    first = decode(decoder)
    larger = np.tile(STORED, (3, 3))  # asks for more shared memory than the first
    second = decode(decoder, encode("90", larger), shape=larger.shape)
    decode(decoder, encode("90", STORED[::-1].copy()))
    np.testing.assert_array_equal(first, STORED)
    np.testing.assert_array_equal(second, larger)


def test_memory_is_used_again_only_when_no_view_is_left(decoder):
    pixels = decode(decoder)
    part = pixels[5:9]
    del pixels
    decode(decoder, encode("90", STORED[::-1].copy()))
    np.testing.assert_array_equal(part, STORED[5:9])
    (room,) = decoder.free  # of the second, which nobody holds
    again = decode(decoder)
    assert not decoder.free
    del again
    assert list(decoder.free) == [room]


def test_memory_that_a_fork_sees_is_not_used_again():
    pixels = decode(module.DECODER_PROCESS)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    del pixels
    assert not module.DECODER_PROCESS.free


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(decoder, monkeypatch):
    decode(decoder)
    send = module.socket.send_fds

    def interrupted(*request):
        send(*request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(module.socket, "send_fds", interrupted)
        decode(decoder)
    flipped = STORED[::-1].copy()
    np.testing.assert_array_equal(decode(decoder, encode("90", flipped)), flipped)


def test_a_child_that_died_is_replaced(decoder):
    decode(decoder)
    os.kill(decoder.process.pid, signal.SIGKILL)
    decoder.process.wait()
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_death_while_decoding_is_a_refusal(decoder, monkeypatch):
    decode(decoder)
    os.kill(decoder.process.pid, signal.SIGSTOP)  # alive, and will not answer
    monkeypatch.setattr(module, "START_S", 0.2)
    with pytest.raises(RefusedInput) as refusal:
        decode(decoder)
    assert refusal.value.code == "DECODE_TIME"
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_memory_limit(decoder, monkeypatch):
    decode(decoder)
    monkeypatch.setattr(module, "START_BYTES", 0)
    monkeypatch.setattr(module, "BYTES_PER_PIXEL", 0)
    with pytest.raises(RefusedInput) as refusal:
        decode(decoder, encode("90", np.tile(STORED, (20, 20))), shape=(1920, 1280))
    assert refusal.value.code == "DECODE"
    monkeypatch.undo()
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_what_the_decoder_says(decoder):
    with pytest.raises(RefusedInput, match="Jpeg2kError"):
        decode(decoder, b"nonsense")


def test_a_forked_worker_has_its_own_child():
    decoder = module.DECODER_PROCESS
    decode(decoder)
    child, reader, writer = decoder.process.pid, *os.pipe()
    pid = os.fork()
    if pid == 0:
        same = np.array_equal(decode(decoder), STORED) and decoder.process.pid != child
        decoder.stop()
        os.write(writer, b"1" if same else b"0")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 1) == b"1"
    np.testing.assert_array_equal(decode(decoder), STORED)
    assert decoder.process.pid == child
