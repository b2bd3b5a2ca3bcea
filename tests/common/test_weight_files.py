import json

import pytest
import torch
from safetensors.torch import save_file
from scripts.common.weight_files import find_weight_files, load_pickle, load_safetensors, load_weights

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
A, B = {"a": torch.zeros(2)}, {"b": torch.ones(3)}


def write_index(folder, places):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def names(folder, pattern="model*.safetensors"):
    return [path.name for path in find_weight_files(folder, pattern)]


@pytest.fixture
def shards(tmp_path):
    """Folder with two shards, without an index."""
    save_file(A, tmp_path / "model-00001-of-00002.safetensors")
    save_file(B, tmp_path / "model-00002-of-00002.safetensors")
    return tmp_path


def test_a_single_file_whatever_its_suffix(tmp_path):
    assert names(tmp_path) == [] and load_weights(tmp_path) == {}
    save_file(A, tmp_path / "model_ema.safetensors")
    save_file(B, tmp_path / "training_images.safetensors")
    assert names(tmp_path) == ["model_ema.safetensors"] and list(load_weights(tmp_path, "model*.safetensors")) == ["a"]


def test_two_networks_are_an_error_and_not_a_merge(tmp_path):
    for name in ("model.safetensors", "model_ema.safetensors"):
        save_file(A, tmp_path / name)
    with pytest.raises(ValueError, match=r"several networks; .*found model\.safetensors, model_ema\.safetensors; move"):
        load_weights(tmp_path)


def test_the_index_decides(shards):
    assert list(load_weights(shards)) == ["a", "b"]
    save_file({"a": torch.full((2,), 7.0)}, shards / "model.safetensors")
    with pytest.raises(ValueError, match="several networks"):
        load_weights(shards)
    write_index(shards, {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"})
    assert len(names(shards)) == 2 and torch.equal(load_weights(shards)["a"], A["a"])


def test_only_the_tensors_of_the_index_are_read_each_from_its_file(shards):
    save_file({**A, "a2": torch.zeros(1), "b": torch.full((3,), 9.0)}, shards / "model-00001-of-00002.safetensors")
    write_index(shards, {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"})
    state = load_weights(shards)
    assert sorted(state) == ["a", "b"] and torch.equal(state["b"], B["b"])


def test_missing_shards_are_named(shards):
    places = {"a": "model-00001-of-00002.safetensors", "c": "model-00003-of-00003.safetensors"}
    write_index(shards, places)
    with pytest.raises(ValueError, match=r"index\.json: weights are incomplete; .*no model-00003-of-00003"):
        load_weights(shards)
    (shards / "model.safetensors.index.json").unlink()
    (shards / "model-00002-of-00002.safetensors").rename(shards / "model-00003-of-00003.safetensors")
    with pytest.raises(ValueError, match="several networks"):
        load_weights(shards)


@pytest.mark.parametrize("places", [None, {}, {"a": 1}, {"a": "../model.safetensors"}, {"a": "/etc/x.safetensors"}])
def test_an_index_names_files_of_its_folder(tmp_path, places):
    write_index(tmp_path, places)
    with pytest.raises(ValueError, match=r"index\.json: not an index; expected weight_map"):
        load_weights(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LFS, "a Git LFS pointer; download the content with git lfs pull"),
        (b"", "an empty file"),
        (b"\x20\0\0\0\0\0\0\0{", "damaged content"),
        (b"<html>Sign in</html>", "an HTML page"),
    ],
)
def test_files_that_are_no_weights_are_named(tmp_path, content, message):
    for name, load in (("model.safetensors", load_safetensors), ("model.pt", load_pickle)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: cannot be read; .*{message}"):
            load(tmp_path / name)


def test_truncated_weights_are_named(tmp_path):
    save_file({"a": torch.zeros(999)}, tmp_path / "model.safetensors")
    torch.save({"a": torch.zeros(999)}, tmp_path / "model.pt")
    for name, load in (("model.safetensors", load_safetensors), ("model.pt", load_pickle)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(ValueError, match=f"{name}: cannot be read; .*damaged content"):
            load(tmp_path / name)


def test_a_pickle_of_something_else_is_no_weights(tmp_path):
    torch.save([1, 2], tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt: not weights; expected a dictionary of tensors, found list"):
        load_pickle(tmp_path / "model.pt")
    torch.save({"state_dict": A, "epoch": 3}, tmp_path / "model.pt")
    assert list(load_pickle(tmp_path / "model.pt")) == ["a"]
