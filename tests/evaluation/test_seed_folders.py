from scripts.evaluation.seed_folders import first_training, seed_folder, seed_folders


def test_folders_are_found_in_the_order_of_their_seeds(tmp_path):
    for name in ("seed_10", "seed_2", "seed_01", "seed_x", "cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "seed_3").write_text("a file")
    assert seed_folders(tmp_path) == {2: tmp_path / "seed_2", 10: tmp_path / "seed_10"}
    assert seed_folder(tmp_path, 2) == first_training(tmp_path) == tmp_path / "seed_2"


def test_a_single_training_has_no_seeds(tmp_path):
    assert seed_folders(tmp_path) == seed_folders(tmp_path / "missing") == {}
    assert first_training(tmp_path) == tmp_path
