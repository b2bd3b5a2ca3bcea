import numpy as np
import pydicom
import pytest
from scripts.dicom import read_radiograph
from scripts.dicom.objects import load_source
from scripts.inference import dicom_results
from scripts.inference.dicom_results import write_dicom_results
from scripts.inference.study_prediction import StudyPrediction

from ..dicom.objects.conformant import ALGORITHM, cr
from ..dicom.synthetic import save


@pytest.fixture
def path(tmp_path):
    return save(cr(), tmp_path / "source.dcm")


def written(path, folder, **changes):
    """What writing a film's objects says about them."""
    image = read_radiograph(path).image[0]
    content = {
        "image": image, "attention_map": image, "regions": [(0, 0, 8, 8)], "labels": ["Mass"],
        "probabilities": np.array([0.5]), "enhanced": image, "description": "test",
    }  # fmt: skip
    prediction = StudyPrediction(str(path), **{**content, **changes})
    write_dicom_results(load_source(path), folder, prediction, ALGORITHM)
    return prediction


def names(folder):
    return sorted(found.name for found in folder.iterdir())


def test_five_kinds_of_objects_of_one_image(path, tmp_path):
    prediction = written(path, tmp_path / "out")
    assert prediction.failures == []
    assert sorted(prediction.dicom_files) == sorted((tmp_path / "out").iterdir())
    kinds = ("attention", "attention_map", "enhanced", "findings", "regions")
    assert names(tmp_path / "out") == [f"{kind}.dcm" for kind in kinds]


def test_kinds_that_this_run_does_not_have_do_not_stay_from_an_earlier_one(path, tmp_path):
    written(path, tmp_path / "out")
    written(path, tmp_path / "out", regions=[], enhanced=None)
    assert names(tmp_path / "out") == ["attention.dcm", "attention_map.dcm", "findings.dcm"]


def test_failing_object_is_recorded_without_the_words_of_the_error(path, tmp_path, monkeypatch):
    written(path, tmp_path / "out")

    def fail(*args, **kwargs):
        raise TypeError("no person name: Secret^Person")

    monkeypatch.setattr(dicom_results, "write_findings_report", fail)
    (failure,) = written(path, tmp_path / "out").failures
    assert (failure.path, failure.code) == (str(path), "DICOM_OBJECT")
    assert "findings.dcm" in failure.reason and "TypeError" in failure.reason
    assert "Secret" not in f"{failure}"
    assert names(tmp_path / "out") == ["attention.dcm", "attention_map.dcm", "enhanced.dcm", "regions.dcm"]


def test_image_that_cannot_be_referred_to_gets_no_objects_and_one_reason(tmp_path):
    dataset = cr()
    del dataset.StudyInstanceUID
    path = save(dataset, tmp_path / "source.dcm")
    (failure,) = written(path, tmp_path / "out").failures
    assert failure.code == "NO_IDENTITY" and "StudyInstanceUID" in failure.reason
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("character_set", ["ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]])
def test_names_in_other_character_sets_arrive(character_set, tmp_path):
    dataset = cr()
    dataset.SpecificCharacterSet = character_set
    dataset.PatientName = "Yamada^Tarou=山田^太郎" if "87" in str(character_set) else "Müller^Jörg"
    path = save(dataset, tmp_path / "source.dcm")
    assert written(path, tmp_path / "out").failures == []
    for file in (tmp_path / "out").iterdir():
        found = pydicom.dcmread(file)
        found.decode()
        assert str(found.PatientName) == str(dataset.PatientName), file.name


def test_enhanced_object_gives_its_pixels_back(path, tmp_path):
    enhanced = np.kron(read_radiograph(path).image[0], np.ones((2, 2), np.float32))
    written(path, tmp_path / "out", enhanced=enhanced)
    back = read_radiograph(tmp_path / "out" / "enhanced.dcm")
    assert np.abs(back.image[0] - enhanced).max() <= 0.5 / 65535 + 1e-7
    assert back.meta["spacing_mm"] == [0.1, 0.1]


@pytest.mark.parametrize("uid", ["1.2.840.0001.05.3", "1.2.abc.4", f"1.2.{'3' * 70}"])
def test_objects_of_a_study_with_an_invalid_uid_are_all_written_and_stay_in_it(uid, tmp_path):
    dataset = cr()
    dataset.StudyInstanceUID = uid
    prediction = written(save(dataset, tmp_path / "source.dcm"), tmp_path / "out")
    assert prediction.failures == [] and len(prediction.dicom_files) == 5
    assert {str(pydicom.dcmread(path).StudyInstanceUID) for path in prediction.dicom_files} == {uid}


def test_kinds_that_are_not_wanted_are_not_written_and_do_not_stay(path, tmp_path):
    prediction = written(path, tmp_path / "out")
    write_dicom_results(load_source(path), tmp_path / "out", prediction, ALGORITHM, ("findings", "attention"))
    assert names(tmp_path / "out") == ["attention.dcm", "findings.dcm"]
