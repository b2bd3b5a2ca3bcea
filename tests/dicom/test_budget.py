import struct
import zlib

import pytest
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.budget import MAX_INFLATED_BYTES, check_inflated_size, codestream_size

from .synthetic import make_dataset, picture, save


def test_deflated_bomb_is_refused_without_inflating_all_of_it(tmp_path):
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = b"\0" * (1 << 22)
    content = b"".join(packer.compress(block) for _ in range(MAX_INFLATED_BYTES // len(block) + 2)) + packer.flush()
    (tmp_path / "bomb").write_bytes(b"x" * 10 + content)
    with pytest.raises(RefusedInput) as refusal:
        check_inflated_size(tmp_path / "bomb", 10)
    assert refusal.value.code == "INFLATED_SIZE"


def test_codestream_sizes():
    siz = b"\xff\x4f\xff\x51" + struct.pack(">HH6I", 47, 0, 70, 100, 6, 4, 0, 0)
    assert codestream_size(siz) == (96, 64)
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0" + struct.pack(">HBHHB", 11, 8, 96, 64, 1)
    assert codestream_size(jpeg) == (96, 64)
    assert codestream_size(b"nonsense") is None


def test_codestream_larger_than_its_header_is_refused(tmp_path):
    dataset = make_dataset(picture())
    dataset.compress("1.2.840.10008.1.2.4.90")
    dataset.Rows = 95
    with pytest.raises(RefusedInput) as refusal:
        read_radiograph(save(dataset, tmp_path / "x.dcm"))
    assert refusal.value.code == "GEOMETRY"
