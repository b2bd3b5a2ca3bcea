import numpy as np
import pydicom
import pytest
from scripts.dicom import read_radiograph
from scripts.inference import dicom_results
from scripts.inference.dicom_results import ImageResult, write_dicom_results

from ..dicom.objects.conformant import ALGORITHM, cr
from ..dicom.synthetic import save


@pytest.fixture
def path(tmp_path):
    return save(cr(), tmp_path / "source.dcm")


def result_of(path, **changes):
    image = read_radiograph(path).image[0]
    content = {
        "image": image, "attention": image, "boxes": [(0, 0, 8, 8)], "labels": ["Mass"], "probabilities": [0.5],
        "enhanced": image, "description": "test",
    }  # fmt: skip
    return ImageResult(**{**content, **changes})


def names(folder):
    return sorted(found.name for found in folder.iterdir())


def test_four_kinds_of_objects_of_one_image(path, tmp_path):
    assert write_dicom_results(path, str(path), tmp_path / "out", result_of(path), ALGORITHM) == []
    assert names(tmp_path / "out") == ["attention.dcm", "enhanced.dcm", "findings.dcm", "regions.dcm"]


def test_kinds_that_this_run_does_not_have_do_not_stay_from_an_earlier_one(path, tmp_path):
    write_dicom_results(path, str(path), tmp_path / "out", result_of(path), ALGORITHM)
    write_dicom_results(path, str(path), tmp_path / "out", result_of(path, boxes=[], enhanced=None), ALGORITHM)
    assert names(tmp_path / "out") == ["attention.dcm", "findings.dcm"]


def test_failing_object_is_recorded_without_the_words_of_the_error(path, tmp_path, monkeypatch):
    write_dicom_results(path, str(path), tmp_path / "out", result_of(path), ALGORITHM)

    def fail(*args, **kwargs):
        raise TypeError("no person name: Secret^Person")

    monkeypatch.setattr(dicom_results, "write_findings_report", fail)
    (failure,) = write_dicom_results(path, str(path), tmp_path / "out", result_of(path), ALGORITHM)
    assert (failure.path, failure.code) == (str(path), "DICOM_OBJECT")
    assert "findings.dcm" in failure.reason and "TypeError" in failure.reason
    assert "Secret" not in f"{failure}"
    assert names(tmp_path / "out") == ["attention.dcm", "enhanced.dcm", "regions.dcm"]


def test_image_that_cannot_be_referred_to_gets_no_objects_and_one_reason(tmp_path):
    dataset = cr()
    del dataset.StudyInstanceUID
    path = save(dataset, tmp_path / "source.dcm")
    (failure,) = write_dicom_results(path, str(path), tmp_path / "out", result_of(path), ALGORITHM)
    assert failure.code == "NO_IDENTITY" and "StudyInstanceUID" in failure.reason
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("character_set", ["ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]])
def test_names_in_other_character_sets_arrive(character_set, tmp_path):
    dataset = cr()
    dataset.SpecificCharacterSet = character_set
    dataset.PatientName = "Yamada^Tarou=山田^太郎" if "87" in str(character_set) else "Müller^Jörg"
    path = save(dataset, tmp_path / "source.dcm")
    assert write_dicom_results(path, str(path), tmp_path / "out", result_of(path), ALGORITHM) == []
    for written in (tmp_path / "out").iterdir():
        found = pydicom.dcmread(written)
        found.decode()
        assert str(found.PatientName) == str(dataset.PatientName), written.name


def test_enhanced_object_gives_its_pixels_back(path, tmp_path):
    enhanced = np.kron(read_radiograph(path).image[0], np.ones((2, 2), np.float32))
    write_dicom_results(path, str(path), tmp_path / "out", result_of(path, enhanced=enhanced), ALGORITHM)
    back = read_radiograph(tmp_path / "out" / "enhanced.dcm")
    assert np.abs(back.image[0] - enhanced).max() <= 0.5 / 65535 + 1e-7
    assert back.meta["spacing_mm"] == [0.1, 0.05]
