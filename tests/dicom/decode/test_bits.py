import numpy as np
import pytest
from pydicom.encaps import encapsulate
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.decode.bits import BLOCK, Stored, correct_sign, stored_values
from scripts.dicom.decode.samples import decode
from scripts.dicom.header import complete_header
from scripts.dicom.read.parsing import load_dataset

from ..cases import STORED, encode
from ..synthetic import SHARED_DICOM, make_dataset, picture, save, window

VALUES = np.random.default_rng(0).integers(300, 4000, (90, 1000))  # more than one block
FILM = picture().astype(np.int32)
JPEG_2000 = "1.2.840.10008.1.2.4.90"
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


@pytest.mark.parametrize(
    ("encoded", "meaning"),
    [(FILM - 2048, "values shifted by 2048"), (np.where(FILM < 2048, FILM, FILM - 4096), "bits taken as unsigned")],
)
@pytest.mark.parametrize("syntax", ["90", "91", "201"])
def test_a_signed_codestream_of_unsigned_values_never_wraps(syntax, encoded, meaning):
    values, flags = correct_sign(header(f"1.2.840.10008.1.2.4.{syntax}"), encoded.astype(np.int16))
    np.testing.assert_array_equal(values, FILM)
    assert flags == [f"signed codestream, unsigned header: {meaning}"]


@pytest.mark.parametrize(
    ("encoded", "meaning"), [(FILM, "values shifted by 2048"), ((FILM - 2048) & 0x0FFF, "bits taken as signed")]
)
@pytest.mark.parametrize("syntax", ["90", "91", "201"])
def test_an_unsigned_codestream_of_signed_values_never_wraps(syntax, encoded, meaning):
    dataset = header(f"1.2.840.10008.1.2.4.{syntax}", PixelRepresentation=1)
    values, flags = correct_sign(dataset, encoded.astype(np.uint16))
    np.testing.assert_array_equal(values, FILM - 2048)
    assert flags == [f"unsigned codestream, signed header: {meaning}"]
    assert stored_values(dataset, values).values is values


def test_an_unsigned_codestream_is_displayed_with_the_window_of_a_signed_header(tmp_path):
    for number, encoded in enumerate((STORED, (STORED.astype(np.int16) - 2048) & 0x0FFF)):
        dataset = make_dataset(STORED, PixelRepresentation=1, **window(WindowCenter=0))
        dataset.file_meta.TransferSyntaxUID = JPEG_2000
        dataset.add_new("PixelData", "OB", encapsulate([encode("90", encoded.astype(np.uint16))]))
        radiograph = read_radiograph(save(dataset, tmp_path / f"{number}.dcm"))
        np.testing.assert_allclose(radiograph.image[0], STORED / 4095, atol=1e-3)


def test_eight_bits_of_a_signed_codestream():
    film = ((FILM >> 4) - 128).astype(np.int8)
    values, _ = correct_sign(header(JPEG_2000, BitsStored=8, HighBit=7), film)
    np.testing.assert_array_equal(values, FILM >> 4)


@pytest.mark.parametrize(("film", "signed"), [(FILM // 2, 0), (FILM - 2048, 1)])
def test_samples_that_fit_the_header_are_as_they_are(film, signed):
    samples = film.astype(np.int16)
    values, flags = correct_sign(header(JPEG_2000, PixelRepresentation=signed), samples)
    assert values is samples and flags == []


def test_a_signed_codestream_of_more_bits_is_rejected():
    with pytest.raises(RefusedInput, match="-3000 to 0"):
        correct_sign(header(JPEG_2000), np.array([[0, -3000]], np.int16))


def test_a_signed_codestream_is_displayed_with_the_window_of_the_header(tmp_path):
    dataset = make_dataset(STORED, **window())
    dataset.file_meta.TransferSyntaxUID = JPEG_2000
    dataset.add_new("PixelData", "OB", encapsulate([encode("90", STORED.astype(np.int16) - 2048)]))
    radiograph = read_radiograph(save(dataset, tmp_path / "x.dcm"))
    np.testing.assert_allclose(radiograph.image[0], STORED / 4095, atol=1e-7)
    assert radiograph.meta["flags"] == ["signed codestream, unsigned header: values shifted by 2048"]


@pytest.mark.skipif(not (SHARED_DICOM / "field").exists(), reason="the shared files from the field are not here")
def test_the_signed_codestream_from_the_field():
    dataset = load_dataset(SHARED_DICOM / "field" / "j2k_signed_stream_unsigned_header.dcm")
    complete_header(dataset)
    np.testing.assert_array_equal(correct_sign(dataset, decode(dataset))[0], picture())
