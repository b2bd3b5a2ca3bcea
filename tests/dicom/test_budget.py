import zlib

import pytest
from scripts.dicom import RefusedInput, budget, read_radiograph
from scripts.dicom.budget import check_expansion, inflate

from .synthetic import make_dataset, picture, save


def deflated(path, content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(b"x" * 10 + packer.compress(content) + packer.flush())
    return path


def test_inflated_content_up_to_the_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "MAX_INFLATED_BYTES", 5_000_000)
    content = bytes(range(250)) * 20_000
    assert inflate(deflated(tmp_path / "x", content), 10) == content
    with pytest.raises(RefusedInput) as refusal:
        inflate(deflated(tmp_path / "x", content + b"x"), 10)
    assert refusal.value.code == "INFLATED_SIZE"


def test_file_size(tmp_path, monkeypatch):
    path = save(make_dataset(picture()), tmp_path / "x.dcm")
    monkeypatch.setattr(budget, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(RefusedInput) as refusal:
        read_radiograph(path)
    assert refusal.value.code == "FILE_SIZE"


@pytest.mark.parametrize("offset", [0, 128, 132])
def test_header_of_too_many_elements(tmp_path, monkeypatch, offset):
    path = save(make_dataset(picture()), tmp_path / "x.dcm")
    path.write_bytes(path.read_bytes()[offset:])
    read_radiograph(path)
    monkeypatch.setattr(budget, "_MAX_HEADER_READS", 20)
    with pytest.raises(RefusedInput) as refusal:
        read_radiograph(path)
    assert refusal.value.code == "HEADER_SIZE"


def test_expansion():
    check_expansion(1, budget._FREE_BYTES)
    check_expansion(10_000, 10_000 * budget._MAX_EXPANSION)
    with pytest.raises(RefusedInput) as refusal:
        check_expansion(10_000, 10_000 * budget._MAX_EXPANSION + 1)
    assert refusal.value.code == "EXPANSION"
