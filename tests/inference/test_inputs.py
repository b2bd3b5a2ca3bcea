import pytest
from scripts.inference import find_images


def test_folders_are_searched_and_side_files_are_not_images(tmp_path):
    for name in ("b/2.dcm", "b/1", "a.png", "notes.txt", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    names = [item["image"].removeprefix(f"{tmp_path}/") for item in find_images([tmp_path])]
    assert names == ["a.png", "b/1", "b/2.dcm"]


def test_named_file_is_always_a_candidate_and_only_once(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"x")
    assert len(find_images([tmp_path / "notes.txt", tmp_path / "notes.txt"])) == 1


def test_missing_path_and_empty_folder_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        find_images([tmp_path / "none"])
    with pytest.raises(FileNotFoundError, match="found 0"):
        find_images([tmp_path])
