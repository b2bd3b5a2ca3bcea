import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from scripts.networks import ViTMultilabel, load_vit_multilabel, save_vit_multilabel, weights_sha256

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
LABELS = ["Edema", "Pneumonia"]


STRUCTURES = [
    {"pool": "cls"},
    {"pool": "label_tokens", "label_blocks": 1},
    {"pool": "cls_mean", "conv_branch": True, "patch_head": True},
]


@pytest.fixture
def network():
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, pool="cls_mean").eval()


def test_round_trip_gives_the_same_logits_and_labels(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={"seed": 0})
    again = load_vit_multilabel(tmp_path / "model", LABELS)
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(again(image), network(image)) and again.labels == LABELS
    assert json.loads((tmp_path / "model" / "metadata.json").read_text())["provenance"] == {"seed": 0}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure["pool"])
def test_round_trip_of_every_structure(tmp_path, structure, dtype):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, drop_path=0.2, **structure).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
        parameter.data = parameter.data.half().float()  # so that half precision loses nothing
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={}, dtype=dtype)
    again, image = load_vit_multilabel(tmp_path / "model"), torch.rand(2, 1, 32, 32)
    assert torch.equal(again(image), network(image))
    for key, value in structure.items():
        own = getattr(again, key)
        assert (own is not None if key == "patch_head" else own) == value


def test_loading_draws_no_random_numbers(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    load_vit_multilabel(tmp_path / "model")
    assert torch.equal(torch.rand(3), expected)


def test_a_loaded_network_does_not_change_with_its_file(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    again = load_vit_multilabel(tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    size = file.stat().st_size
    with file.open("r+b") as opened:  # in place, as a copy over the file does
        opened.seek(size // 2)
        opened.write(bytes(size - size // 2))
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(again(image), network(image))


def test_folders_of_before_label_tokens_load(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    metadata = json.loads((tmp_path / "model" / "metadata.json").read_text())
    del metadata["preprocessing"]["label_blocks"], metadata["preprocessing"]["conv_branch"]
    assert "patch_head" not in metadata["preprocessing"]  # written for a network that has one only
    (tmp_path / "model" / "metadata.json").write_text(json.dumps(metadata))
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(load_vit_multilabel(tmp_path / "model")(image), network(image))


@pytest.mark.parametrize("lost", ["patch_head.output.weight", "patch_head.position", "patch_head.sharpness"])
def test_a_patch_head_without_its_weights_is_refused_with_their_names(tmp_path, lost):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, patch_head=True)
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    file = tmp_path / "model" / "model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if name != lost}, file)
    with pytest.raises(ValueError, match=f"found 1 missing: {lost}"):
        load_vit_multilabel(tmp_path / "model")


def test_weights_of_a_patch_head_that_the_metadata_do_not_name_are_refused(tmp_path):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, patch_head=True)
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    metadata = json.loads((tmp_path / "model" / "metadata.json").read_text())
    del metadata["preprocessing"]["patch_head"]
    (tmp_path / "model" / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"found 6 unexpected: patch_head\."):
        load_vit_multilabel(tmp_path / "model")


def test_whether_maps_are_trained_belongs_to_a_training_and_not_to_the_folder(tmp_path):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, pool="label_tokens")
    network.trains_maps = True
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    assert not load_vit_multilabel(tmp_path / "model").trains_maps


def test_shards_and_half_precision(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={}, dtype="float16", max_shard_mb=0.02)
    assert len(list((tmp_path / "model").glob("model-*.safetensors"))) > 1
    image = torch.rand(2, 1, 32, 32)
    assert torch.allclose(load_vit_multilabel(tmp_path / "model")(image), network(image), atol=1e-2)


def test_other_labels_are_refused(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    with pytest.raises(ValueError, match="labels do not match"):
        load_vit_multilabel(tmp_path / "model", LABELS[::-1])


def test_folder_is_replaced_as_a_whole(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={}, max_shard_mb=0.02)
    first = weights_sha256(tmp_path / "model")
    network.head.bias.data += 1
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    assert weights_sha256(tmp_path / "model") != first
    assert not list((tmp_path / "model").glob("model-*")) and [p.name for p in tmp_path.iterdir()] == ["model"]


def test_normalisation_stays_exact_in_half_precision(network, tmp_path):
    network.mean.fill_(0.485)
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={}, dtype="float16")
    assert torch.equal(load_vit_multilabel(tmp_path / "model").mean, network.mean)


def test_killed_between_the_renames_the_earlier_model_is_still_found(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    (tmp_path / "model").rename(tmp_path / ".model.old")
    assert load_vit_multilabel(tmp_path / "model").labels == LABELS


def test_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the training workflow"):
        load_vit_multilabel(tmp_path / "none")


def test_stray_weight_files_change_nothing_or_are_refused(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={}, max_shard_mb=0.02)
    before, image = weights_sha256(tmp_path / "model"), torch.rand(2, 1, 32, 32)
    save_file({"head.bias": torch.ones(2)}, tmp_path / "model" / "model_ema.safetensors")
    assert weights_sha256(tmp_path / "model") == before  # the index decides
    assert torch.equal(load_vit_multilabel(tmp_path / "model")(image), network(image))
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    save_file({"head.bias": torch.ones(2)}, tmp_path / "model" / "model_ema.safetensors")
    with pytest.raises(ValueError, match="several networks"):
        load_vit_multilabel(tmp_path / "model")


def test_a_field_that_another_version_of_transformers_wrote_is_ignored(network, tmp_path):
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps({**config, "of_the_future": 1}))
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(load_vit_multilabel(tmp_path / "model")(image), network(image))
