import numpy as np
import pytest
from scripts.data.sources import read_folder_items
from scripts.dicom import write_png16

from ..dicom.synthetic import make_dataset, picture, save


def film(path, **attributes):
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(make_dataset(picture(), **attributes), path)


def test_all_frontal_films_of_a_study_are_items_and_laterals_are_not(tmp_path):
    for number, view in enumerate(("PA", "AP", "LL")):
        film(tmp_path / view, ViewPosition=view, SOPInstanceUID=f"1.2.{number}")
    items, failures = read_folder_items(tmp_path)
    assert [item["view"] for item in items] == ["AP", "PA"]
    assert len({item["study_uid"] for item in items}) == len({item["patient_id"] for item in items}) == 1
    assert [failure.code for failure in failures] == ["NOT_FRONTAL"]


def test_patient_without_a_header_is_the_folder_or_the_file(tmp_path):
    for name in ("p1/a.png", "p1/b/c.png", "p2/a.png", "d.png", "e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_png16(np.eye(8), tmp_path / name)
    items, _ = read_folder_items(tmp_path)
    owners = {item["image"].removeprefix(f"{tmp_path}/"): item["patient_id"] for item in items}
    assert owners["p1/a.png"] == owners["p1/b/c.png"]
    assert len(set(owners.values())) == 4
    assert not any(name in owner for owner in owners.values() for name in ("p1", "p2", "d", "e") if len(name) > 1)


def test_identifiers_are_hashed_in_items_and_absent_from_failures(tmp_path):
    film(tmp_path / "a")
    film(tmp_path / "b", Modality="CT")
    items, failures = read_folder_items(tmp_path)
    assert not any(secret in f"{items}{failures}" for secret in ("Secret", "ID-12345", "19500101", "1.2.826"))


def test_side_files_are_passed_over_and_a_missing_folder_is_named(tmp_path):
    for name in ("DICOMDIR", "labels.csv", ".hidden", "autorun.inf"):
        (tmp_path / name).write_bytes(b"x")
    assert read_folder_items(tmp_path) == ([], [])
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_folder_items(tmp_path / "none")


def test_study_of_two_patients_is_two_studies_of_a_datalist(tmp_path):
    for patient in ("1", "2"):  # a device that numbers its studies and images alike
        film(tmp_path / f"{patient}.dcm", StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.3.4", PatientID=patient)
    items, failures = read_folder_items(tmp_path)
    assert len({item["study_uid"] for item in items}) == len({item["patient_id"] for item in items}) == 2
    assert failures == []
