import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from scripts.networks import ViTMultilabel, save_vit_multilabel
from scripts.networks.pretrained import _resample_positions, load_backbone, make_backbone

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
DINOV2 = Path(__file__).resolve().parents[3] / "shared" / "models" / "dinov2-small"


def change(folder, edit):
    state = load_file(folder / "model.safetensors")
    edit(state)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def test_output_equals_the_framework(checkpoint):
    folder, model = checkpoint
    backbone, _, _ = load_backbone(folder, 64)
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected, found = model(image).last_hidden_state, backbone.eval()(image).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-5)


def test_positions_are_resampled_for_another_size(checkpoint):
    folder, _ = checkpoint
    backbone, _, _ = load_backbone(folder, 96)
    with torch.inference_mode():
        assert torch.isfinite(backbone(torch.rand(1, 3, 96, 96)).last_hidden_state).all()


@pytest.mark.parametrize("size", [32, 96])
def test_positions_are_resampled_as_the_framework_does_it_for_its_own_checkpoints(checkpoint, size):
    folder, model = checkpoint
    image = torch.rand(1, 3, size, size)
    resamples = {} if "dinov2" in model.config.model_type else {"interpolate_pos_encoding": True}
    with torch.inference_mode():
        expected = model(image, **resamples).last_hidden_state
        found = load_backbone(folder, size)[0].eval()(image).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-5)


def test_positions_of_a_model_folder_of_this_package_stay_antialiased(tmp_path):
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=1, image_size=64)
    network.save_pretrained(tmp_path / "model", labels=["Edema"])
    own = load_backbone(tmp_path / "model", 32)[0].embeddings.position_embeddings
    (tmp_path / "model" / "metadata.json").unlink()
    plain = load_backbone(tmp_path / "model", 32)[0].embeddings.position_embeddings
    before = network.backbone.embeddings.position_embeddings
    assert torch.equal(own, _resample_positions(before, 16, prefix=1, antialias=True)) and not torch.equal(own, plain)


def test_resampling_keeps_the_prefix_and_a_constant_grid():
    positions = torch.cat([torch.full((1, 1, 4), 7.0), torch.full((1, 16, 4), 2.0)], dim=1)
    found = _resample_positions(positions, 36, prefix=1, antialias=True)
    assert found.shape == (1, 37, 4)
    assert (found[:, 0] == 7).all() and torch.allclose(found[:, 1:], torch.tensor(2.0))


def test_positions_of_images_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match=r"1 \+ a square number of positions, found 13"):
        _resample_positions(torch.zeros(1, 13, 4), 16, prefix=1, antialias=True)


def test_missing_tensor_is_named(vit_folder):
    change(vit_folder, lambda state: state.pop("layernorm.weight"))
    with pytest.raises(ValueError, match=r"1 missing: layernorm\.weight"):
        load_backbone(vit_folder, 64)


def test_unexpected_tensor_is_named(vit_folder):
    change(vit_folder, lambda state: state.update(adapter=torch.zeros(2)))
    with pytest.raises(ValueError, match="1 unexpected: adapter"):
        load_backbone(vit_folder, 64)


def test_weights_of_another_size_are_refused(vit_folder):
    config = json.loads((vit_folder / "config.json").read_text())
    (vit_folder / "config.json").write_text(json.dumps({**config, "hidden_size": 96}))
    with pytest.raises(ValueError, match="of another size"):
        load_backbone(vit_folder, 64)


def test_own_normalisation_of_the_checkpoint_is_used(vit_folder):
    assert load_backbone(vit_folder, 64)[1] == [0.5, 0.5, 0.5]
    (vit_folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.1] * 3, "image_std": [0.2] * 3}))
    assert load_backbone(vit_folder, 64)[1:] == ([0.1] * 3, [0.2] * 3)


def test_pickled_weights_of_old_checkpoints_load_without_code(vit_folder):
    state = load_file(vit_folder / "model.safetensors")
    (vit_folder / "model.safetensors").unlink()
    torch.save(state, vit_folder / "pytorch_model.bin")
    load_backbone(vit_folder, 64)


@pytest.mark.parametrize("source", ["./nowhere", "google/vit-base-patch16-224-in21k"])
def test_absent_checkpoint_says_what_to_do(source):
    with pytest.raises(FileNotFoundError, match=r"howto\.md#checkpoints"):
        load_backbone(source, 64)


def test_other_families_and_sizes_are_refused():
    with pytest.raises(ValueError, match="found 'swin'"):
        make_backbone({"model_type": "swin"}, 64)
    with pytest.raises(ValueError, match="--image_size 64"):
        make_backbone({"patch_size": 16}, 70)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": "48"}, "architecture: .*'hidden_size' expected int, got str"),
        ({"num_hidden_layers": 1.5}, "architecture: .*'num_hidden_layers' expected int"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "expected a multiple of num_attention_heads .4., found 30"),
        ({"num_attention_heads": 0}, "num_attention_heads: expected a whole number from 1, found 0"),
        ({"num_hidden_layers": -1}, "num_hidden_layers: expected a whole number from 1, found -1"),
        ({"patch_size": 0}, "patch_size: expected a whole number from 1, found 0"),
        ({"hidden_act": "gelo"}, "architecture: hidden_act: .*found 'gelo'; did you mean 'gelu'"),
    ],
)
def test_values_of_an_architecture_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        make_backbone({**TINY, **change}, 32)


def test_weights_beside_those_of_another_network_are_refused(vit_folder):
    (vit_folder / "model_ema.safetensors").write_bytes((vit_folder / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"weights of several networks; .*model\.safetensors, model_ema\.safetensors"):
        load_backbone(vit_folder, 64)
    for name in ("pytorch_model.bin", "model.pt"):
        (vit_folder / name).write_bytes(b"x")
    for path in vit_folder.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(ValueError, match=r"expected model\.safetensors, or one of .*, found both"):
        load_backbone(vit_folder, 64)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_git_lfs_pointer_in_place_of_a_file_is_named(vit_folder, name):
    (vit_folder / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(ValueError, match=f"{name}: .*found a Git LFS pointer; .*git lfs pull"):
        load_backbone(vit_folder, 64)


@pytest.mark.parametrize("values", [{"image_mean": [0.5]}, {"image_mean": ["a"] * 3}, {"image_mean": [0] * 3}])
def test_a_normalisation_that_does_not_fit_is_refused(vit_folder, values):
    (vit_folder / "preprocessor_config.json").write_text(json.dumps({"image_std": [0, 1, 1], **values}))
    with pytest.raises(ValueError, match="expected a number for each of 3 channels"):
        load_backbone(vit_folder, 64)


@pytest.mark.skipif(not DINOV2.exists(), reason="../shared/models/dinov2-small is not here")
def test_real_dinov2_loads_strictly():
    backbone, mean, _ = load_backbone(DINOV2, 224)
    assert backbone.config.num_hidden_layers == 12 and mean[0] == pytest.approx(0.485)
    assert next(backbone.parameters()).dtype == torch.float32


def test_model_folder_of_ours_is_a_backbone_without_its_head(tmp_path):
    trained = ViTMultilabel(architecture=TINY, num_labels=3, image_size=32).eval()
    trained.mean.fill_(0.4)
    save_vit_multilabel(trained, tmp_path / "model", labels=["A", "B", "C"], provenance={})
    fresh = ViTMultilabel(tmp_path / "model", num_labels=2, image_size=32).eval()
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(fresh.features(image), trained.features(image)) and fresh(image).shape == (2, 2)
