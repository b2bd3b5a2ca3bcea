import json

import pytest
import torch
from scripts.enhancement.enhancer import degrade
from scripts.enhancement.ldm import LatentDiffusionEnhancer

from .tiny_ldm import edit_json, write_tiny_ldm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_ldm(tmp_path_factory.mktemp("ldm"))


def seeds(count):
    return [torch.Generator().manual_seed(index) for index in range(count)]


@pytest.mark.parametrize("solver", ["dpm", "ddim", "checkpoint"])
@pytest.mark.parametrize("size", [(8, 8), (19, 28), (24, 16)])
def test_any_size_and_solver(folder, solver, size):
    enhanced = LatentDiffusionEnhancer(folder, solver=solver, steps=3).enhance(
        torch.rand(2, 1, *size), generators=seeds(2)
    )
    assert enhanced.shape == (2, 1, 4 * size[0], 4 * size[1]) and torch.isfinite(enhanced).all()


def test_result_does_not_depend_on_the_batch(folder):
    enhancer = LatentDiffusionEnhancer(folder, steps=3)
    low_res = torch.rand(3, 1, 16, 20)
    batched = enhancer.enhance(low_res, generators=seeds(3))
    single = [enhancer.enhance(low_res[i : i + 1], generators=[seeds(3)[i]]) for i in range(3)]
    assert torch.allclose(batched, torch.cat(single), atol=1e-4)
    assert torch.allclose(batched, enhancer.enhance(low_res, generators=seeds(3)), atol=1e-6)


def test_data_consistency_keeps_what_was_measured(folder):
    low_res = 0.3 + 0.4 * torch.rand(1, 1, 16, 16)
    errors = []
    for consistent in (False, True):
        enhancer = LatentDiffusionEnhancer(folder, steps=3, data_consistency=consistent)
        enhanced = enhancer.enhance(low_res, generators=seeds(1))
        errors.append(float((degrade(enhanced, 4) - low_res).abs().mean()))
    assert errors[1] < 1e-3 < errors[0]


def test_hash_is_of_the_weights(folder, tmp_path):
    first = LatentDiffusionEnhancer(folder).weights_hash
    assert len(first) == 16 and first == LatentDiffusionEnhancer(write_tiny_ldm(tmp_path / "same")).weights_hash
    assert first != LatentDiffusionEnhancer(write_tiny_ldm(tmp_path / "other", seed=1)).weights_hash


def test_one_channel_networks_and_bin_weights_load(tmp_path):
    folder = write_tiny_ldm(tmp_path, channels=1, safe_serialization=False)
    assert list((folder / "unet").glob("*.bin"))
    enhancer = LatentDiffusionEnhancer(folder, steps=2)
    assert enhancer.enhance(torch.rand(1, 1, 8, 8), generators=seeds(1)).shape == (1, 1, 32, 32)


@pytest.mark.parametrize("part", ["unet", "vqvae", "scheduler"])
def test_missing_part_is_named(tmp_path, part):
    folder = write_tiny_ldm(tmp_path)
    for file in (folder / part).iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=f"{part}/.*checkpoints"):
        LatentDiffusionEnhancer(folder)


def test_unknown_solver_and_channels_are_refused(tmp_path, folder):
    with pytest.raises(ValueError, match="solver"):
        LatentDiffusionEnhancer(folder, solver="euler")
    other = write_tiny_ldm(tmp_path, channels=3)
    weights = other / "unet" / "diffusion_pytorch_model.safetensors"
    edit_json(other / "unet" / "config.json", in_channels=8)
    weights.unlink()
    with torch.device("cpu"):
        from diffusers import UNet2DModel

        config = json.loads((other / "unet" / "config.json").read_text())
        UNet2DModel.from_config(config).save_pretrained(other / "unet")
    with pytest.raises(ValueError, match="channels"):
        LatentDiffusionEnhancer(other)


def test_configuration_of_the_public_checkpoint_has_its_size():
    from diffusers import UNet2DModel, VQModel

    with torch.device("meta"):
        unet = UNet2DModel(
            sample_size=64,
            in_channels=6,
            out_channels=3,
            layers_per_block=2,
            block_out_channels=(160, 320, 320, 640),
            down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
            attention_head_dim=32,
        )
        vqvae = VQModel(
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(128, 256, 512),
            layers_per_block=2,
            num_vq_embeddings=8192,
        )
    millions = [sum(parameter.numel() for parameter in network.parameters()) / 1e6 for network in (unet, vqvae)]
    assert [round(count, 2) for count in millions] == [113.62, 55.32]
