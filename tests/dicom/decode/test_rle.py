import struct

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.decode.rle import trim_segments

from ..cases import STORED
from ..synthetic import make_dataset, save, window

PADDINGS = [b"\0", b"\0" * 2, b"\0" * 201, b"\x7f", b"\x80" * 3, b"\xff" * 64, b"\x05ab"]


def frame(padding, pixels=STORED):
    """RLE frame whose two segments end with ``padding``."""
    planes = (pixels >> 8).astype(np.uint8), (pixels & 255).astype(np.uint8)
    first, second = (imagecodecs.packbits_encode(plane.tobytes()) + padding for plane in planes)
    return struct.pack("<16L", 2, 64, 64 + len(first), *[0] * 13) + first + second


def film(folder, stream):
    dataset = make_dataset(STORED, **window())
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.5"
    dataset.add_new("PixelData", "OB", encapsulate([stream]))
    return save(dataset, folder / "x.dcm")


@pytest.mark.parametrize("padding", PADDINGS)
def test_padded_segments_are_read(tmp_path, padding):
    shown = read_radiograph(film(tmp_path, frame(padding))).image[0]
    np.testing.assert_allclose(shown, STORED / 4095, atol=1e-7)


def test_trimmed_segments_are_those_without_padding():
    assert trim_segments(frame(bytes(99)), 2, STORED.size) == frame(b"")


@pytest.mark.parametrize("cut", [3, 300])
def test_a_truncated_segment_is_rejected(tmp_path, cut):
    with pytest.raises(RefusedInput) as refusal:
        read_radiograph(film(tmp_path, frame(b"")[:-cut]))
    assert refusal.value.code == "DECODE"


def test_segments_of_another_image_are_rejected():
    with pytest.raises(ValueError, match="does not fit"):
        trim_segments(frame(b""), 2, STORED.size - 1)
    with pytest.raises(ValueError, match="number of segments"):
        trim_segments(frame(b""), 6, STORED.size)
