import logging
import subprocess
import sys

import numpy as np
import pytest
from scripts.dicom import RefusedInput
from scripts.dicom.decode import isolation as module
from scripts.dicom.decode.isolation import DecoderProcess

from ..cases import STORED, encode

UINT16 = np.dtype(np.uint16)


@pytest.fixture
def decoder():
    process = DecoderProcess()
    yield process
    process.stop()


def decode(decoder, stream=None, function="jpeg2k_decode", shape=STORED.shape):
    return decoder.decode(function, encode("90", STORED) if stream is None else stream, shape, UINT16)


def test_pixels_come_back_and_are_ones_own(decoder):
    first = decode(decoder)
    larger = np.tile(STORED, (3, 3))  # asks for more shared memory than the first
    second = decode(decoder, encode("90", larger), shape=larger.shape)
    decode(decoder, encode("90", STORED[::-1].copy()))
    np.testing.assert_array_equal(first, STORED)
    np.testing.assert_array_equal(second, larger)


def test_a_frame_that_was_cut_is_a_refusal(decoder):
    content = encode("90", STORED)
    with pytest.raises(RefusedInput, match="Jpeg2kError"):
        decode(decoder, content[: len(content) // 8])
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(decoder, monkeypatch):
    decode(decoder)
    read = module._read_line

    def interrupted(process):
        read(process)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(module, "_read_line", interrupted)
        decode(decoder)
    flipped = STORED[::-1].copy()
    np.testing.assert_array_equal(decode(decoder, encode("90", flipped)), flipped)


def test_a_child_that_died_is_replaced(decoder):
    decode(decoder)
    decoder.process.kill()
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


SILENT = """
import sys
print('{"limits_memory": true}', flush=True)
sys.stdin.read()
"""


def test_no_answer_is_a_refusal(decoder, monkeypatch, tmp_path):
    (tmp_path / "silent.py").write_text(SILENT)
    monkeypatch.setattr(module, "_PROGRAM", tmp_path / "silent.py")
    monkeypatch.setattr(module, "_START_S", 0.1)
    monkeypatch.setattr(module, "_WAIT_S", 0.1)
    with pytest.raises(RefusedInput) as refusal:
        decode(decoder)
    assert refusal.value.code == "DECODE_TIME"
    monkeypatch.undo()
    np.testing.assert_array_equal(decode(decoder), STORED)


def test_a_child_that_does_not_start_is_a_refusal_and_never_decoding_in_this_process(decoder, monkeypatch):
    monkeypatch.setattr(module.sys, "executable", "/no/python")
    with pytest.raises(RefusedInput, match="a decoder process") as refusal:
        decode(decoder)
    assert "/no/python" in refusal.value.remedy


def test_what_a_decoder_prints_is_no_answer():
    program = f"import sys; sys.path.insert(0, {str(module._PROGRAM.parent)!r}); import isolated_decoder as child\n"
    program += "out = child._take_output(); print('noise', flush=True); child._send(out, {}, b'pixels')"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert found == b"{}\npixels"


def test_the_exit_code_is_the_same_on_both_sides():
    from scripts.dicom.decode import isolated_decoder

    assert isolated_decoder.TIME_IS_UP == module._TIME_IS_UP


def test_a_system_without_a_limit_of_memory_is_named_once(decoder, monkeypatch, tmp_path, caplog):
    (tmp_path / "child.py").write_text(module._PROGRAM.read_text().replace("import resource", "raise ImportError"))
    monkeypatch.setattr(module, "_PROGRAM", tmp_path / "child.py")
    module._note_unlimited_memory.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            np.testing.assert_array_equal(decode(decoder), STORED)
            decoder.stop()
    assert caplog.text.count("does not limit the memory of the decoder process") == 1


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
