import hashlib
import shutil

import pytest
from scripts.networks import find_model, training_folders, weights_sha256
from scripts.networks.model_members import member_folders, shared_folder


@pytest.fixture
def trainings(tmp_path):
    """Folders as two finished folds leave them."""
    for number in (0, 1):
        model = tmp_path / f"fold_{number}" / "model"
        model.mkdir(parents=True)
        (model / "metadata.json").write_text("{}")
        (model / "model.safetensors").write_bytes(bytes([number]))
    return tmp_path


def test_a_folder_of_folds_or_seeds_stands_for_its_models(trainings):
    models = [trainings / "fold_0" / "model", trainings / "fold_1" / "model"]
    assert find_model(str(trainings)) == trainings and member_folders(trainings) == models
    assert shared_folder(trainings) == trainings
    assert training_folders(trainings) == {"model_0": trainings / "fold_0", "model_1": trainings / "fold_1"}
    for path in sorted(trainings.iterdir()):
        path.rename(trainings / path.name.replace("fold", "seed"))
    assert [model.parent.name for model in member_folders(trainings)] == ["seed_0", "seed_1"]


def test_a_list_keeps_its_order_and_has_no_folder_of_its_own(trainings):
    models = [trainings / "fold_1" / "model", trainings / "fold_0" / "model"]
    assert find_model(list(map(str, models))) == member_folders(models) == models
    assert shared_folder(models) is None and find_model([models[0]]) == models[0]
    assert weights_sha256(models) == hashlib.sha256("|".join(map(weights_sha256, models)).encode()).hexdigest()
    assert weights_sha256(models) != weights_sha256(models[::-1]) and weights_sha256(models[::-1]) == weights_sha256(
        trainings
    )


def test_a_model_folder_is_itself(trainings):
    model = trainings / "fold_0" / "model"
    (model / "fold_0").mkdir()
    assert find_model(model) == model and member_folders(model) == [model]
    assert training_folders(model) == {"model": trainings / "fold_0"}


def test_what_is_no_set_of_models_is_refused_by_name(trainings):
    model = trainings / "fold_0" / "model"
    with pytest.raises(ValueError, match=r"model_dir: expected different model folders, found .*fold_0/model twice"):
        find_model([model, trainings / "fold_1" / ".." / "fold_0" / "model"])
    with pytest.raises(ValueError, match="found an empty list"):
        find_model([])
    shutil.copytree(trainings / "fold_0", trainings / "seed_0")
    with pytest.raises(
        ValueError, match="expected at least two folds, or at least two seeds, found fold_0, fold_1, seed"
    ):
        member_folders(trainings)
    shutil.rmtree(trainings / "seed_0")
    (trainings / "fold_1" / "model" / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"fold_1/model: training not finished"):
        member_folders(trainings)
    shutil.rmtree(trainings / "fold_1")
    with pytest.raises(ValueError, match=r"found fold_0; name one model folder \(.*fold_0/model\)"):
        member_folders(trainings)
