import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from scripts.dicom import read_radiograph
from scripts.dicom.read.radiograph import read_grid

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
