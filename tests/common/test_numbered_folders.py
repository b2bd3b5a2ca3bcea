from scripts.common.numbered_folders import numbered_folder, numbered_folders


def test_folders_are_sorted_by_number_and_others_are_not_taken(tmp_path):
    for name in ("fold_10", "fold_2", "fold_02", "fold_x", "seed_1"):
        (tmp_path / name).mkdir()
    (tmp_path / "fold_3").touch()
    assert numbered_folders(tmp_path, "fold") == {2: tmp_path / "fold_2", 10: tmp_path / "fold_10"}
    assert numbered_folder(tmp_path, "fold", 2) == tmp_path / "fold_2"
    assert numbered_folders(tmp_path / "missing", "fold") == {}
