import numpy as np
import pytest
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.decode.samples import decode
from scripts.dicom.header import complete_header
from scripts.dicom.read import parsing as module
from scripts.dicom.read.parsing import load_dataset

from ..cases import STORED
from ..synthetic import make_dataset, save, window

LARGE = np.random.default_rng(0).integers(0, 4096, (960, 640)).astype(np.uint16)
SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"]


def in_syntax(syntax):
    dataset = make_dataset(STORED, **window())
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("cut", [0, 128, 132])
def test_with_and_without_preamble(tmp_path, syntax, cut):
    path = save(in_syntax(syntax), tmp_path / "IM0001")
    path.write_bytes(path.read_bytes()[cut:])
    dataset = load_dataset(path)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert dataset.PatientOrientation == ["L", "F"]
    np.testing.assert_allclose(read_radiograph(path).image[0], STORED / 4095, atol=1e-7)


def test_character_set_of_the_file(tmp_path):
    dataset = make_dataset(STORED, SpecificCharacterSet="ISO_IR 100", SeriesDescription="Röntgen")
    assert load_dataset(save(dataset, tmp_path / "x.dcm")).SeriesDescription == "Röntgen"


def test_no_transfer_syntax(tmp_path):
    path = save(make_dataset(STORED), tmp_path / "x.dcm")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", bytes(20)))
    with pytest.raises(RefusedInput) as refusal:
        load_dataset(path)
    assert refusal.value.code == "NO_TRANSFER_SYNTAX"


@pytest.mark.parametrize("compressed", [True, False])
def test_large_values_stay_in_the_file(tmp_path, compressed):
    dataset = make_dataset(LARGE)
    if compressed:
        dataset.compress("1.2.840.10008.1.2.5", encoding_plugin="pydicom")
    loaded = load_dataset(save(dataset, tmp_path / "x.dcm"))
    assert loaded.get_item("PixelData", keep_deferred=True).value is None
    complete_header(loaded)
    np.testing.assert_array_equal(decode(loaded), LARGE)


def test_large_values_of_a_deflated_file_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_VALUE_BYTES", 1000)
    loaded = load_dataset(save(in_syntax(SYNTAXES[2]), tmp_path / "x.dcm"))
    complete_header(loaded)
    np.testing.assert_array_equal(decode(loaded), STORED)
