import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from scripts.dicom import read_radiograph
from scripts.dicom.read.radiograph import read_grid

from ..synthetic import SHARED_DICOM

PIXELS = np.arange(64 * 48).reshape(48, 64) % 251


def picture():
    return Image.fromarray(PIXELS.astype(np.uint8))


def add_chunk(path, name, content):
    """Insert a chunk after the header of a PNG."""
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    file = path.read_bytes()
    path.write_bytes(file[:33] + chunk + file[33:])


@pytest.mark.parametrize(("suffix", "dpi"), [(".png", (300, 200)), (".jpg", (300, 200))])
def test_oblong_pixels_of_a_scan_are_shown_as_squares(tmp_path, suffix, dpi):
    path = tmp_path / f"x{suffix}"
    picture().save(path, dpi=dpi)
    radiograph = read_radiograph(path)
    assert radiograph.image.shape == (1, 72, 64) == (1, *read_grid(path).displayed_shape)
    assert "resampled to square pixels" in radiograph.meta["flags"]


def test_ratio_of_a_png(tmp_path):
    picture().save(tmp_path / "x.png")
    add_chunk(tmp_path / "x.png", b"pHYs", struct.pack(">IIB", 3, 2, 0))  # pixels per unit across and down
    assert read_radiograph(tmp_path / "x.png").image.shape == (1, 72, 64)


@pytest.mark.parametrize("dpi", [None, (72, 72), (96, 96.3)])
def test_square_pixels_stay(tmp_path, dpi):
    picture().save(tmp_path / "x.png", **({"dpi": dpi} if dpi else {}))
    radiograph = read_radiograph(tmp_path / "x.png")
    assert radiograph.image.shape == (1, 48, 64) and radiograph.meta["flags"] == []


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_16_bit_png_of_fewer_bits_is_scaled_by_these(tmp_path, bits):
    stored = (np.linspace(0, 1, 64 * 48) ** 2 * (2**bits - 1)).reshape(48, 64).astype(np.uint16)
    Image.fromarray(stored).save(tmp_path / "x.png")
    radiograph = read_radiograph(tmp_path / "x.png")
    np.testing.assert_allclose(radiograph.image[0], stored / (2**bits - 1), atol=1e-7)
    assert radiograph.meta["flags"] == [f"range assumed from the maximum: {bits} bit"]


def test_a_png_that_states_16_significant_bits_is_dark(tmp_path):
    stored = (PIXELS * 16).astype(np.uint16)
    Image.fromarray(stored).save(tmp_path / "x.png")
    add_chunk(tmp_path / "x.png", b"sBIT", bytes([16]))
    np.testing.assert_allclose(read_radiograph(tmp_path / "x.png").image[0], stored / 65535, atol=1e-7)


@pytest.mark.parametrize(
    ("maximum", "flags"), [(65535, []), (32768, []), (20000, ["less than half of the range of 16 bits used"])]
)
def test_a_16_bit_png_is_as_it_says(tmp_path, maximum, flags):
    stored = (PIXELS / 250 * maximum).astype(np.uint16)
    Image.fromarray(stored).save(tmp_path / "x.png")
    radiograph = read_radiograph(tmp_path / "x.png")
    np.testing.assert_allclose(radiograph.image[0], stored / 65535, atol=1e-7)
    assert radiograph.meta["flags"] == flags


def test_an_8_bit_picture_may_be_dark(tmp_path):
    Image.fromarray((PIXELS // 10).astype(np.uint8)).save(tmp_path / "x.png")
    radiograph = read_radiograph(tmp_path / "x.png")
    assert radiograph.image.max() == pytest.approx(25 / 255) and radiograph.meta["flags"] == []


@pytest.mark.parametrize("bits", [12, 14])
def test_16_bit_colour_of_fewer_bits_is_scaled_by_these(tmp_path, bits):
    import imagecodecs

    stored = (np.linspace(0, 1, 64 * 48) * (2**bits - 1)).reshape(48, 64).astype(np.uint16)
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(np.stack([stored] * 3, -1)))
    radiograph = read_radiograph(tmp_path / "x.png")
    np.testing.assert_allclose(radiograph.image[0], (stored >> 8) / (2 ** (bits - 8) - 1), atol=1e-6)
    assert f"range assumed from the maximum: {bits} bit" in radiograph.meta["flags"]


@pytest.mark.skipif(not (SHARED_DICOM / "field").exists(), reason="the shared files from the field are not here")
def test_files_from_the_field():
    png = SHARED_DICOM / "field" / "png16_holding_12_bits.png"
    radiograph = read_radiograph(png)
    np.testing.assert_allclose(radiograph.image[0], np.asarray(Image.open(png)) / 4095, atol=1e-6)
    table = read_radiograph(SHARED_DICOM / "field" / "voi_lut_declared_16_bit_entries_12_bit.dcm")
    assert table.meta["window"] == "VOI LUT, 12 bit" and table.image.max() == 1
    assert "look-up table uses 12 of 16 declared bits" in table.meta["flags"]
