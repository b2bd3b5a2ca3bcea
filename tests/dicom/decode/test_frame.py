import struct

import pytest
from pydicom.encaps import encapsulate
from scripts.dicom.decode.frame import read_frame
from scripts.dicom.read import parsing

from ..cases import STORED
from ..synthetic import make_dataset, save

FRAME = bytes(range(250)) * 8


def loaded(tmp_path, pixel_data):
    dataset = make_dataset(STORED)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    dataset.add_new("PixelData", "OB", pixel_data)
    return parsing.load_dataset(save(dataset, tmp_path / "x.dcm"))


@pytest.fixture
def left_in_file(monkeypatch):
    monkeypatch.setattr(parsing, "_MAX_VALUE_BYTES", 100)


def test_one_fragment_is_read_where_it_is(tmp_path, left_in_file):
    dataset = loaded(tmp_path, encapsulate([FRAME]))
    assert dataset.get_item("PixelData", keep_deferred=True).value is None
    assert read_frame(dataset) == FRAME


@pytest.mark.parametrize("deferred", [True, False])
@pytest.mark.parametrize("has_bot", [True, False])
def test_fragments_are_joined(tmp_path, monkeypatch, deferred, has_bot):
    monkeypatch.setattr(parsing, "_MAX_VALUE_BYTES", 100 if deferred else 10**6)
    dataset = loaded(tmp_path, encapsulate([FRAME], fragments_per_frame=3, has_bot=has_bot))
    assert read_frame(dataset) == FRAME


def test_a_fragment_that_ends_behind_the_file(tmp_path, left_in_file):
    dataset = loaded(tmp_path, encapsulate([FRAME]))
    path = tmp_path / "x.dcm"
    path.write_bytes(path.read_bytes()[:-200])  # after it was parsed
    with pytest.raises(ValueError, match="not complete"):
        read_frame(dataset)


def test_no_fragment(tmp_path):
    empty = struct.pack("<HHL", 0xFFFE, 0xE000, 0)  # of offsets
    with pytest.raises(ValueError, match="not complete"):
        read_frame(loaded(tmp_path, empty))
