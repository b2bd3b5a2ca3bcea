import errno
import os
import signal

import numpy as np
import pytest
from scripts.dicom import RefusedInput
from scripts.dicom.decode import isolation as module
from scripts.dicom.decode.frame import Frame, _in_memory
from scripts.dicom.decode.isolation import DecoderProcess

from ..cases import STORED, encode

UINT16 = np.dtype(np.uint16)


@pytest.fixture
def decoder():
    process = DecoderProcess()
    yield process
    process.stop()


def decode(decoder, stream=None, function="jpeg2k_decode", shape=STORED.shape, offset=0):
    content = encode("90", STORED) if stream is None else stream
    with _in_memory(bytes(offset) + content) as whole:
        return decoder.decode(function, Frame(whole.file, offset, len(content)), shape, UINT16)


def test_pixels_come_back_and_are_ones_own(decoder):
    first = decode(decoder)
    larger = np.tile(STORED, (3, 3))  # asks for more shared memory than the first
    second = decode(decoder, encode("90", larger), shape=larger.shape)
    decode(decoder, encode("90", STORED[::-1].copy()))
    np.testing.assert_array_equal(first, STORED)
    np.testing.assert_array_equal(second, larger)


@pytest.mark.parametrize("offset", [1, 4095, 4096, 10_001])
def test_a_frame_anywhere_in_its_file(decoder, offset):
    np.testing.assert_array_equal(decode(decoder, offset=offset), STORED)


def test_a_file_that_cannot_be_mapped_is_read(monkeypatch):
    from scripts.dicom.decode import isolated_decoder

    def unable(*_, **__):
        raise OSError(errno.ENODEV, "No such device")  # of a file system without it

    monkeypatch.setattr(isolated_decoder.mmap, "mmap", unable)
    with _in_memory(b"0123456789") as frame:
        assert bytes(isolated_decoder._map_frame(frame.file.fileno(), 3, 5)) == b"34567"


def test_a_file_that_was_cut_is_a_refusal(decoder):
    with _in_memory(encode("90", STORED)) as frame, pytest.raises(RefusedInput, match="ValueError"):
        frame.file.truncate(frame.length // 2)
        decoder.decode("jpeg2k_decode", frame, STORED.shape, UINT16)
    np.testing.assert_array_equal(decode(decoder), STORED)


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


def test_too_much_work_is_a_refusal(decoder, monkeypatch):
    large = np.tile(STORED, (20, 20))
    frame = encode("90", large)
    monkeypatch.setattr(module, "_START_S", 0.001)
    monkeypatch.setattr(module, "_SECONDS_PER_PIXEL", 0)
    with pytest.raises(RefusedInput) as refusal:
        decode(decoder, frame, shape=large.shape)
    assert refusal.value.code == "DECODE_TIME"
    monkeypatch.undo()
    np.testing.assert_array_equal(decode(decoder, frame, shape=large.shape), large)


def test_no_answer_is_a_refusal(decoder, monkeypatch):
    decode(decoder)
    os.kill(decoder.process.pid, signal.SIGSTOP)  # alive, and will not answer
    monkeypatch.setattr(module, "_START_S", 0.1)
    monkeypatch.setattr(module, "_READ_S", 0.1)
    with pytest.raises(RefusedInput) as refusal:
        decode(decoder)
    assert refusal.value.code == "DECODE_TIME"
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_memory_limit(decoder, monkeypatch):
    decode(decoder)
    monkeypatch.setattr(module, "_START_BYTES", 0)
    monkeypatch.setattr(module, "_BYTES_PER_PIXEL", 0)
    with pytest.raises(RefusedInput) as refusal:
        decode(decoder, encode("90", np.tile(STORED, (20, 20))), shape=(1920, 1280))
    assert refusal.value.code == "DECODE"
    monkeypatch.undo()
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_what_the_decoder_says(decoder):
    with pytest.raises(RefusedInput, match="Jpeg2kError"):
        decode(decoder, b"nonsense")
