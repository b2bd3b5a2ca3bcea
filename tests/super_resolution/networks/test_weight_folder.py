import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from scripts.super_resolution.networks.guided_network import GuidedNetwork
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import (
    find_part,
    hash_parts,
    load_diffusers,
    load_network,
    save_network,
)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_network(RegressionNetwork(width=8, blocks=1), tmp_path / "regression")
    return tmp_path / "regression"


def edit_weights(folder, change):
    path = folder / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path)


def test_round_trip_is_that_of_half_precision(tmp_path):
    network = RegressionNetwork(width=8, blocks=1)
    torch.nn.init.normal_(network.exit.weight)
    save_network(network, tmp_path / "part")
    loaded = load_network(RegressionNetwork, tmp_path / "part")
    assert torch.equal(loaded.exit.weight, network.exit.weight.half().float())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert next(iter(network.parameters())).dtype == torch.float32


def test_a_second_save_replaces_the_folder_as_a_whole(folder):
    (folder / "stale.txt").write_text("old")
    save_network(RegressionNetwork(width=16, blocks=1), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert load_network(RegressionNetwork, folder).settings["width"] == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("entry.bias"), "missing: entry.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "unexpected: extra"),
        (lambda state: state.update({"entry.bias": torch.zeros(3)}), "of another size"),
    ],
)
def test_weights_that_do_not_fit_are_rejected(folder, change, message):
    edit_weights(folder, change)
    with pytest.raises(ValueError, match=message):
        load_network(RegressionNetwork, folder)


def test_missing_and_damaged_files_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        load_network(RegressionNetwork, tmp_path / "absent")
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match="damaged"):
        load_network(RegressionNetwork, folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="no weights"):
        load_network(RegressionNetwork, folder)


def test_other_networks_and_impossible_sizes_are_rejected(folder):
    with pytest.raises(ValueError, match="expected GuidedNetwork, found RegressionNetwork"):
        load_network(GuidedNetwork, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "depth": 3}))
    with pytest.raises(ValueError, match="makes no RegressionNetwork"):
        load_network(RegressionNetwork, folder)
    (folder / "config.json").write_text("[")
    with pytest.raises(ValueError, match="not JSON"):
        load_network(RegressionNetwork, folder)


def test_diffusers_weights_are_loaded_as_strictly(tmp_path):
    from diffusers import VQModel

    from ..tiny_ldm import tiny_networks

    save_network(tiny_networks()[1], tmp_path / "vqvae")
    load_diffusers(VQModel, tmp_path / "vqvae")
    path = tmp_path / "vqvae" / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    kept = dict(state)
    state.pop("encoder.conv_in.bias")  # diffusers itself would draw it at random
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 missing .*encoder\.conv_in\.bias"):
        load_diffusers(VQModel, tmp_path / "vqvae")
    save_file({**kept, "encoder.conv_in.bias": torch.zeros(3)}, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="weights do not fit"):
        load_diffusers(VQModel, tmp_path / "vqvae")


def test_a_part_is_found_in_its_model_or_in_a_folder_of_its_own(folder, tmp_path):
    assert find_part(tmp_path, "regression") == find_part(folder, "regression") == folder


def test_hash_changes_with_weights_and_settings(folder):
    first = hash_parts(folder)
    assert first == hash_parts(folder) != hash_parts(folder, settings=(1,))
    edit_weights(folder, lambda state: state.update({"exit.bias": torch.ones(16)}))
    assert hash_parts(folder) != first


def test_a_pickle_of_tensors_is_loaded_without_a_message(tmp_path, capfd):
    """The public checkpoint may be stored so; diffusers reports an error for it by default."""
    from diffusers import VQModel

    from ..tiny_ldm import write_tiny_ldm

    old = write_tiny_ldm(tmp_path / "old", safe_serialization=False)
    new = write_tiny_ldm(tmp_path / "new")
    capfd.readouterr()
    found = load_diffusers(VQModel, old / "vqvae").state_dict()
    assert capfd.readouterr() == ("", "")
    expected = load_diffusers(VQModel, new / "vqvae").state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
