import numpy as np
import pytest
from scripts.dicom import Radiograph, RefusedInput, check_chest_film, read_radiograph, require_chest_film

from .synthetic import SHARED_DICOM, make_dataset, picture, save


def reasons(tmp_path, **attributes):
    return check_chest_film(read_radiograph(save(make_dataset(picture(), **attributes), tmp_path / "x.dcm")))


def test_chest_film_passes(tmp_path):
    assert reasons(tmp_path) == []
    assert reasons(tmp_path, ViewPosition=None, BodyPartExamined=None) == []
    assert reasons(tmp_path, SeriesDescription="CHEST PA AND LATERAL", ViewPosition=None) == []


@pytest.mark.parametrize(
    ("attributes", "word"),
    [
        ({"Modality": "CT"}, "Modality"),
        ({"BodyPartExamined": "KNEE"}, "BodyPartExamined"),
        ({"ViewPosition": "LL"}, "ViewPosition"),
        ({"ViewPosition": None, "SeriesDescription": "Chest lateral"}, "ViewPosition"),
        ({"PatientSpeciesDescription": "Canis lupus familiaris"}, "animal"),
        ({"StudyDescription": "Canine thorax"}, "animal"),
    ],
)
def test_each_reason(tmp_path, attributes, word):
    found = reasons(tmp_path, **attributes)
    assert len(found) == 1
    assert word in found[0]


def test_figures_of_a_picture(tmp_path):
    meta = read_radiograph(save(make_dataset(picture()), tmp_path / "x.dcm")).meta | {"source_format": "png"}
    strip = np.linspace(0, 1, 400 * 40, dtype=np.float32).reshape(1, 400, 40)
    binary = np.eye(64, dtype=np.float32)[None]
    assert len(check_chest_film(Radiograph(strip, meta))) == 1
    assert len(check_chest_film(Radiograph(binary, meta))) == 1
    assert len(check_chest_film(Radiograph(strip.reshape(1, 800, 20)[:, ::32], meta))) == 1


@pytest.mark.skipif(not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository")
def test_real_files():
    for folder in ("chest", "derived"):
        for path in sorted((SHARED_DICOM / folder).glob("*.dcm")):
            assert check_chest_film(read_radiograph(path)) == [], path.name
    for path in sorted((SHARED_DICOM / "negative").glob("*.dcm")):
        try:
            found = check_chest_film(read_radiograph(path))
        except RefusedInput:
            continue
        assert found, path.name


def test_require_names_file_and_reason(tmp_path):
    meta = read_radiograph(save(make_dataset(picture(), Modality="CT"), tmp_path / "x.dcm")).meta
    with pytest.raises(RefusedInput, match=r"a/x\.dcm: not a frontal chest film.*found CT") as refusal:
        require_chest_film(meta, "a/x.dcm")
    assert refusal.value.code == "NOT_CHEST"
