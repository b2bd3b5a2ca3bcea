import struct

import pytest
from scripts.dicom.decode.codestream import FrameHeader, read_frame_header

from ..cases import SMOOTH, encode


@pytest.mark.parametrize(
    ("syntax", "marker", "precision"),
    [("51", 0xC1, 12), ("57", 0xC3, 16), ("80", 0xF7, 16), ("90", 0x51, 12), ("201", 0x51, 16)],
)
def test_what_encoders_write(syntax, marker, precision):
    header = read_frame_header(encode(syntax, SMOOTH))
    assert header == FrameHeader(marker, 96, 64, 1, precision)


def test_offsets_signs_and_tiles_of_jpeg_2000():
    siz = b"\xff\x4f\xff\x51" + struct.pack(">HH8IHBBB", 41, 0, 70, 100, 6, 4, 32, 32, 0, 0, 1, 0x8B, 1, 1)
    assert read_frame_header(siz) == FrameHeader(0x51, 96, 64, 1, 12, True, 12)
    assert read_frame_header(b"ignored JP2 boxes" + siz) == read_frame_header(siz)


def test_segments_before_the_frame_are_skipped():
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc0" + struct.pack(">HBHHB", 11, 8, 96, 64, 3)
    assert read_frame_header(jpeg) == FrameHeader(0xC0, 96, 64, 3, 8)


@pytest.mark.parametrize(
    "stream", [b"", b"nonsense", b"\xff\xd8", b"\xff\xd8\xff\xe0\xff\xff", b"\xff\x4f\xff\x51\x00"]
)
def test_none_in_nonsense(stream):
    assert read_frame_header(stream) is None
