import zipfile

import pytest
from scripts.inference import find_images

from ..dicom.synthetic import make_dataset, picture, save


def film(path, **attributes):
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(make_dataset(picture(), **attributes), path)


def test_folders_are_searched_and_side_files_are_not_images(tmp_path):
    for name in ("b/2.dcm", "b/1", "a.png", "notes.txt", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    names = [item["image"].removeprefix(f"{tmp_path}/") for item in find_images([tmp_path])]
    assert names == ["a.png", "b/1", "b/2.dcm"]


def test_named_file_is_always_a_candidate_and_only_once(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"x")
    (item,) = find_images([tmp_path / "notes.txt", tmp_path / "notes.txt"])
    assert item["instance"].refusal is None


def test_missing_path_and_empty_folder_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        find_images([tmp_path / "none"])
    with pytest.raises(FileNotFoundError, match="found 0"):
        find_images([tmp_path])


def test_a_study_over_several_folders_is_one_study_and_comes_together(tmp_path):
    film(tmp_path / "1" / "a", ViewPosition="LL", SOPInstanceUID="1.1")
    film(tmp_path / "1" / "b", StudyInstanceUID="1.9", SOPInstanceUID="1.2")
    film(tmp_path / "2" / "c", SOPInstanceUID="1.3")
    items = find_images([tmp_path / "1", tmp_path / "2"])
    assert [item["image"].rsplit("/", 1)[1] for item in items] == ["c", "a", "b"]
    assert items[0]["instance"].study == items[1]["instance"].study != items[2]["instance"].study


def test_named_file_is_a_study_of_its_own(tmp_path):
    first = film(tmp_path / "a", SOPInstanceUID="1.1")
    second = film(tmp_path / "b", SOPInstanceUID="1.2")
    items = find_images([tmp_path, second])
    assert [item["image"] for item in items] == [str(first), str(second)]
    assert items[0]["instance"].study != items[1]["instance"].study


def test_archive_is_searched_like_a_folder_and_names_its_members(tmp_path):
    path = film(tmp_path / "film")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(path, "p1/IM0")
        archive.writestr("p1/inner.zip", b"x")
    path.unlink()
    for given in (tmp_path, tmp_path / "in.zip"):
        film_item, inner = find_images([given])
        assert film_item["instance"].name == f"{tmp_path}/in.zip/p1/IM0"
        assert film_item["image"].endswith("/000000") and film_item["instance"].refusal is None
        assert inner["instance"].refusal.code == "ARCHIVE_NESTED"


def test_results_of_an_earlier_run_are_no_inputs_and_other_files_of_such_folders_are(tmp_path):
    film(tmp_path / "a.dcm")
    own = ["overlays/00000_a.png", "enhanced/00000_a.dcm", "enhanced/100000_b.png", "dicom/00000_a/findings.dcm"]
    own += ["predictions_files/00000_a/film.jpg", "dicom/00000_a/attention_map.dcm"]
    others = [
        "predictions_files/film.jpg",
        "overlays/a.png",
        "enhanced/film.dcm",
        "dicom/00000_a/film.dcm",
        "dicom/a/findings.dcm",
    ]
    for folder in ("", "run1/", "study/"):
        for name in (*own, *others):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    for folder in ("", "run1"):  # output folders; the third is none
        (tmp_path / folder / "run_report.json").write_text("{}")
    found = {item["image"].removeprefix(f"{tmp_path}/") for item in find_images([tmp_path])}
    assert found == {"a.dcm", *others, *(f"run1/{name}" for name in others)} | {
        f"study/{name}" for name in (*own, *others)
    }
    assert len(find_images([tmp_path / "enhanced"])) == 3  # named, so it is wanted
