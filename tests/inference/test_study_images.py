import logging

import numpy as np
import pytest
import torch
from scripts.dicom import write_png16
from scripts.inference import FilmPreprocessing, StudyImages, collate, find_images

from ..dicom.synthetic import make_dataset, picture, save
from ..dicom.test_shared_files import SHARED_DICOM

PREPROCESSING = FilmPreprocessing(32)


def film(path, study, number, **attributes):
    """A film of a patient; the latest is the one with the highest number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = {
        "AcquisitionDate": "20240101",
        "AcquisitionTime": f"12{number:02}00",
        "SOPInstanceUID": f"1.{study}.{number}",
    }
    return save(make_dataset(picture(), StudyInstanceUID=f"1.{study}", **{**time, **attributes}), path)


@pytest.fixture
def folder(tmp_path):
    """Study 1: two frontals, a lateral, a copy of the later frontal. Study 2: its later frontal is cut off. 3: CT."""
    film(tmp_path / "1" / "early", 1, 1)
    film(tmp_path / "1" / "late", 1, 2)
    film(tmp_path / "1" / "lateral", 1, 3, ViewPosition="LL")
    film(tmp_path / "1" / "z_copy", 1, 2)
    film(tmp_path / "2" / "early", 2, 1)
    late = film(tmp_path / "2" / "late", 2, 2)
    late.write_bytes(late.read_bytes()[:-5000])
    film(tmp_path / "3" / "ct", 3, 1, Modality="CT")
    return tmp_path


def short(folder, path):
    return path.removeprefix(f"{folder}/")


def run(folder, **options):
    dataset = StudyImages(find_images([folder]), PREPROCESSING, **options)
    used = [short(folder, item["name"]) for item in dataset]
    return used, {short(folder, failure.path): failure.code for _, failure in dataset.failures}, dataset


def test_one_film_of_each_study_and_a_reason_for_every_other_file(folder):
    used, refused, dataset = run(folder)
    assert used == ["1/late", "2/early"]
    assert refused == {
        "1/early": "SECOND_FRONTAL",
        "1/lateral": "NOT_FRONTAL",
        "1/z_copy": "DUPLICATE",
        "2/late": "DECODE",
        "3/ct": "OTHER_MODALITY",
    }
    assert len(used) + len(refused) == len(dataset.data) == 7
    indices = [index for index, _ in dataset.failures]
    assert len(set(indices)) == 5 and all(failure.remedy for _, failure in dataset.failures)


def test_summary_counts_by_type(folder, caplog):
    with caplog.at_level(logging.INFO):
        run(folder)
    assert "3 studies: 2 used; rejected:" in caplog.messages[-1] and "SECOND_FRONTAL 1" in caplog.messages[-1]


def test_processes_share_the_studies_not_the_files(folder):
    parts = [run(folder, rank=rank, world_size=2) for rank in (0, 1)]
    assert [part[0] for part in parts] == [["1/late"], ["2/early"]]
    assert sum(len(part[1]) for part in parts) == 5


def test_iterating_again_does_not_count_twice(folder):
    _, refused, dataset = run(folder)
    list(dataset)
    assert len(dataset.failures) == len(refused)


def test_doubtful_film_gives_way_to_a_sure_one(tmp_path, monkeypatch):
    film(tmp_path / "first", 1, 2)
    film(tmp_path / "second", 1, 1)
    doubts = {str(tmp_path / "first"): ["doubtful"]}
    monkeypatch.setattr(
        "scripts.inference.study_images.require_chest_film", lambda source, file: doubts.get(str(file), [])
    )
    used, refused, _ = run(tmp_path)
    assert used == ["second"] and refused == {"first": "SECOND_FRONTAL"}
    doubts[str(tmp_path / "second")] = ["doubtful"]
    (item,) = StudyImages(find_images([tmp_path]), PREPROCESSING)
    assert item["name"].endswith("first") and item["meta"]["flags"][-1] == "doubtful"


def test_picture_that_is_no_film_is_refused_by_its_image(tmp_path):
    write_png16(np.random.default_rng(0).random((200, 200)), tmp_path / "noise.png")
    assert run(tmp_path)[:2] == ([], {"noise.png": "NOT_CHEST"})


def test_items_with_a_path_alone_and_their_batch(tmp_path):
    paths = [str(film(tmp_path / name, 1, number)) for number, name in enumerate("ab")]
    batch = collate(list(StudyImages([{"image": path} for path in paths], PREPROCESSING)))
    assert batch["path"] == batch["name"] == paths and batch["index"] == [0, 1]
    assert batch["image"].shape == (2, 1, 32, 32) and torch.isnan(batch["label"]).all()


@pytest.mark.parametrize("attribute", ["ViewPosition", "BodyPartExamined", "PatientOrientation", "ImagerPixelSpacing"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_film_without_an_optional_attribute_is_used(attribute, value, tmp_path):
    film(tmp_path / "film", 1, 1, **{attribute: value})
    assert run(tmp_path)[:2] == (["film"], {})


def test_a_film_without_a_modality_is_rejected_by_name(tmp_path):
    film(tmp_path / "film", 1, 1, Modality="")
    assert run(tmp_path)[:2] == ([], {"film": "OTHER_MODALITY"})


@pytest.mark.skipif(not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository")
@pytest.mark.parametrize("name", ["chest", "derived", "field", "negative", "tags"])
def test_no_file_of_a_shared_folder_fails_inside(name):
    _, _, dataset = run(SHARED_DICOM / name)
    assert [failure.reason for _, failure in dataset.failures if failure.code == "INTERNAL"] == []
