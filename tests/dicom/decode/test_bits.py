import numpy as np
import pytest
from scripts.dicom import RefusedInput
from scripts.dicom.decode.bits import BLOCK, Stored, stored_values

from ..synthetic import make_dataset

VALUES = np.random.default_rng(0).integers(300, 4000, (90, 1000))  # more than one block
RLE, JPEG_LS, NEAR_LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"


def header(syntax=RLE, **attributes):
    dataset = make_dataset(np.zeros((1, 1), np.uint16), **attributes)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2", "<u4"])
def test_extremes(dtype):
    assert VALUES.size > BLOCK
    values = VALUES.astype(dtype)
    assert Stored.of(values)[1:] == (VALUES.min(), VALUES.max())


def test_what_needs_no_change_is_not_copied():
    samples = VALUES.astype(np.uint16)
    assert stored_values(header(), samples).values is samples


def test_unused_bits_fall_out():
    samples = (VALUES | 0xA000).astype(np.uint16)
    values, low, high = stored_values(header(), samples)
    np.testing.assert_array_equal(values, VALUES)
    assert (low, high) == (VALUES.min(), VALUES.max())
    np.testing.assert_array_equal(stored_values(header(HighBit=13), (VALUES << 2 | 3).astype(np.uint16)).values, VALUES)


def test_the_sign_spreads():
    signed = VALUES - 2048
    values, low, high = stored_values(header(PixelRepresentation=1), (signed & 0x0FFF).astype(np.uint16))
    np.testing.assert_array_equal(values, signed)
    assert (low, high) == (signed.min(), signed.max())


def test_a_codestream_has_no_unused_bits():
    samples = VALUES.astype(np.uint16)
    samples[3, 4] = 4100  # a little more than 12 bits hold
    with pytest.raises(RefusedInput) as refusal:
        stored_values(header(JPEG_LS), samples)
    assert refusal.value.code == "BIT_LAYOUT"
    values, _, high = stored_values(header(NEAR_LOSSLESS), samples)
    assert values[3, 4] == high == 4095
    samples[3, 4] = 5000
    with pytest.raises(RefusedInput):
        stored_values(header(NEAR_LOSSLESS), samples)
