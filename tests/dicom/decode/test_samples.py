import sys

import numpy as np
import pydicom
import pytest
from pydicom.pixels import get_decoder, pixel_array
from scripts.dicom import RefusedInput, read_header, read_radiograph
from scripts.dicom.decode.bits import stored_values
from scripts.dicom.decode.samples import _NATIVE, DECODERS, decode
from scripts.dicom.header import complete_header
from scripts.dicom.read.parsing import load_dataset

from ..cases import all_cases
from ..synthetic import SHARED_DICOM, make_dataset, picture, save, window

COMPRESSED = {
    case.name: case.dataset
    for case in all_cases()
    if case.truth is not None and case.dataset.file_meta.TransferSyntaxUID.is_encapsulated
}


def decoded(path):
    dataset = load_dataset(path)
    complete_header(dataset)
    samples = decode(dataset)
    return stored_values(dataset, samples).values if samples.ndim == 2 else samples


def test_every_syntax_has_one_decoder_and_none_two():
    assert not _NATIVE & {*DECODERS}
    for uid in DECODERS:
        assert pydicom.uid.UID(uid).is_encapsulated


# pydicom takes the sign from bit 16, the precision of the codestream; BitsStored says bit 12.
@pytest.mark.parametrize("name", sorted({*COMPRESSED} - {"signed 80"}))
def test_plugins_of_pydicom_decode_the_same(tmp_path, name):
    """Compare with pydicom's decoder from another library, where there is one."""
    path = save(COMPRESSED[name], tmp_path / "x.dcm")
    dataset, mine = pydicom.dcmread(path), decoded(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    # Two implementations of the inverse transform may round apart where compression was lossy.
    tolerance = int(syntax in DECODERS and DECODERS[syntax].lossy)
    checked = 0
    for plugin in get_decoder(syntax).available_plugins:
        try:
            theirs = pixel_array(dataset, decoding_plugin=plugin)
        except RuntimeError:  # Pillow is offered for 12-bit JPEG and cannot decode it
            continue
        assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= tolerance, plugin
        checked += 1
    if not checked:
        pytest.skip("no plugin of pydicom decodes it here")


def test_missing_decoder_says_what_to_install(tmp_path, monkeypatch):
    dataset = make_dataset(picture(), **window())
    dataset.compress("1.2.840.10008.1.2.5", encoding_plugin="pydicom")
    path = save(dataset, tmp_path / "x.dcm")
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(RefusedInput) as refusal:
        read_radiograph(path)
    assert refusal.value.code == "DECODER_MISSING"
    assert refusal.value.remedy == "pip install imagecodecs"
    assert read_header(path)[0]["modality"] == "DX"  # reading the header needs no decoder


@pytest.mark.skipif(not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository")
def test_real_codestreams_against_pydicom():
    for path in (*(SHARED_DICOM / "chest").glob("*.dcm"), *(SHARED_DICOM / "derived").glob("*.dcm")):
        theirs = pixel_array(path)
        assert np.abs(decoded(path).astype(int) - theirs.astype(int)).max() <= 1, path.name


def test_more_pixels_than_the_header_says_are_refused(tmp_path):
    """pydicom reads surplus pixels as further frames and returns an additional axis."""
    path = save(make_dataset(picture(), **window(Rows=1)), tmp_path / "x.dcm")
    with pytest.raises(RefusedInput) as refusal:
        decoded(path)
    assert refusal.value.code == "GEOMETRY"
