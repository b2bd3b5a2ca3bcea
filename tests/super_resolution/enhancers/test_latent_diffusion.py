import json

import pytest
import torch
from diffusers import UNet2DModel
from safetensors.torch import load_file, save_file
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.enhancers.data_consistency import data_consistent
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer
from scripts.super_resolution.enhancers.residual import ResidualEnhancer
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.super_resolution.resampling import degrade

from ..public_ldm import write_public_layout
from ..tiny_ldm import edit_json, write_tiny_ldm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_ldm(tmp_path_factory.mktemp("ldm"))


def seeds(count):
    return [torch.Generator().manual_seed(index) for index in range(count)]


def with_distant_codes(enhancer):
    """Enhancer whose codes lie far apart.

    The last bits of a latent depend on the size of the batch. Between two codes that are near each other, they decide
    which of them is taken; of the random codes, one of 1,152 was another one on one processor.
    """
    enhancer.model.vqvae.quantize.embedding.weight.data *= 1000
    return enhancer


@pytest.mark.parametrize("solver", ["dpm", "ddim", "checkpoint"])
@pytest.mark.parametrize("size", [(8, 8), (19, 28), (24, 16), (1, 3)])
def test_any_size_and_solver(folder, solver, size):
    enhanced = LatentDiffusionEnhancer(folder, solver=solver, steps=3).enhance(
        torch.rand(2, 1, *size), generators=seeds(2)
    )
    assert enhanced.shape == (2, 1, 4 * size[0], 4 * size[1]) and torch.isfinite(enhanced).all()


def test_result_does_not_depend_on_the_batch(folder):
    enhancer = with_distant_codes(LatentDiffusionEnhancer(folder, steps=3))
    low_res = torch.rand(3, 1, 16, 20)
    batched = enhancer.enhance(low_res, generators=seeds(3))
    single = [enhancer.enhance(low_res[i : i + 1], generators=[seeds(3)[i]]) for i in range(3)]
    assert torch.allclose(batched, torch.cat(single), atol=1e-4)
    assert torch.allclose(batched, enhancer.enhance(low_res, generators=seeds(3)), atol=1e-6)


def test_eta_is_for_ddim_alone_and_changes_the_hash_but_not_that_of_earlier_versions(folder):
    low_res = torch.rand(2, 1, 16, 16)
    plain, noisy = (LatentDiffusionEnhancer(folder, solver="ddim", steps=3, eta=eta) for eta in (0.0, 1.0))
    assert plain.weights_hash == LatentDiffusionEnhancer(folder, solver="ddim", steps=3).weights_hash
    assert noisy.weights_hash != plain.weights_hash
    with_distant_codes(plain), with_distant_codes(noisy)
    batched = noisy.enhance(low_res, generators=seeds(2))
    single = [noisy.enhance(low_res[i : i + 1], generators=[seeds(2)[i]]) for i in range(2)]
    assert torch.allclose(batched, torch.cat(single), atol=1e-4)
    assert not torch.allclose(batched, plain.enhance(low_res, generators=seeds(2)), atol=1e-3)
    with pytest.raises(ValueError, match=r"eta: expected 0 for the solver dpm .*set --solver ddim"):
        LatentDiffusionEnhancer(folder, eta=1.0)
    with pytest.raises(ValueError, match="eta: expected 0 to 1, found 2"):
        LatentDiffusionEnhancer(folder, solver="ddim", eta=2.0)


def test_data_consistency_preserves_the_input(folder):
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


def test_unknown_solver_and_channels_are_rejected(tmp_path, folder):
    with pytest.raises(ValueError, match="solver"):
        LatentDiffusionEnhancer(folder, solver="euler")
    other = write_tiny_ldm(tmp_path, channels=3)
    weights = other / "unet" / "diffusion_pytorch_model.safetensors"
    edit_json(other / "unet" / "config.json", in_channels=8)
    weights.unlink()
    with torch.device("cpu"):
        config = json.loads((other / "unet" / "config.json").read_text())
        UNet2DModel.from_config(config).save_pretrained(other / "unet")
    with pytest.raises(ValueError, match="channels"):
        LatentDiffusionEnhancer(other)


def test_sixty_decibels_through_the_enhancer_also_where_the_film_is_saturated(folder):
    film = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    film[:, :, :24, :40], film[:, :, 40:] = 1, 0
    low_res = degrade(film, 4).clamp(0, 1)
    enhanced = LatentDiffusionEnhancer(folder, steps=3).enhance(low_res, generators=seeds(2))
    error = (degrade(enhanced, 4) - low_res).double().square().mean()
    assert enhanced.min() >= 0 and enhanced.max() <= 1 and -10 * error.log10() >= 60


def test_gain_zero_is_interpolation_made_consistent(folder):
    low_res = 0.3 + 0.4 * torch.rand(1, 1, 16, 16)
    enhanced = LatentDiffusionEnhancer(folder, steps=2, gain=0).enhance(low_res, generators=seeds(1))
    expected = data_consistent(BicubicEnhancer().enhance(low_res, generators=seeds(1)), low_res)
    torch.testing.assert_close(enhanced, expected, atol=1e-5, rtol=0)


def test_gain_zero_over_a_regression_network_is_that_network(tmp_path):
    folder = write_tiny_ldm(tmp_path)
    torch.manual_seed(1)
    network = RegressionNetwork(width=8, blocks=1)
    torch.nn.init.normal_(network.exit.weight, std=0.02)  # untrained, it is bicubic interpolation
    save_network(network, folder / "regression")
    config = {**UNet2DModel.load_config(folder / "unet"), "in_channels": 3 + 3 + 16}
    UNet2DModel.from_config(config).save_pretrained(folder / "unet")
    low_res = 0.3 + 0.4 * torch.rand(1, 1, 16, 24)
    found, more = (
        LatentDiffusionEnhancer(folder, steps=2, gain=gain).enhance(low_res, generators=seeds(1)) for gain in (0, 1)
    )
    expected = ResidualEnhancer(folder).enhance(low_res, generators=seeds(1))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert not torch.allclose(expected, BicubicEnhancer().enhance(low_res, generators=[]), atol=1e-2)
    assert (more - found).abs().max() > 1e-3


@pytest.mark.parametrize(("gain", "consistent"), [(1.5, True), (-0.1, True), (0.5, False)])
def test_gain_out_of_range_or_without_effect_is_rejected(folder, gain, consistent):
    with pytest.raises(ValueError, match="gain: "):
        LatentDiffusionEnhancer(folder, gain=gain, data_consistency=consistent)


def test_bf16_stays_near_to_fp32_and_decodes_in_fp32(folder):
    low_res = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    full, half = (
        LatentDiffusionEnhancer(folder, steps=3, precision=precision).enhance(low_res, generators=seeds(2))
        for precision in ("fp32", "bf16")
    )
    assert half.dtype == torch.float32 and 0 < (full - half).abs().mean() < 0.01


def test_settings_that_change_pixels_change_the_hash(folder):
    changes = {"solver": "ddim", "steps": 3, "data_consistency": False, "gain": 0.5, "precision": "bf16"}
    hashes = [
        LatentDiffusionEnhancer(folder, **{"precision": "fp32", key: value}).weights_hash
        for key, value in changes.items()
    ]
    assert len({LatentDiffusionEnhancer(folder, precision="fp32").weights_hash, *hashes}) == 6


def edit_weights(folder, part, change):
    path = folder / part / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path, metadata={"format": "pt"})


@pytest.mark.parametrize("part", ["unet", "vqvae"])
def test_missing_and_misshaped_weights_are_rejected(tmp_path, part):
    """diffusers alone draws a missing tensor at random and goes on."""
    lacking = write_tiny_ldm(tmp_path / "lacking")
    edit_weights(lacking, part, lambda state: state.pop(sorted(state)[0]))
    with pytest.raises(ValueError, match=rf"{part}: weights do not fit.*1 missing"):
        LatentDiffusionEnhancer(lacking)
    misshaped = write_tiny_ldm(tmp_path / "misshaped")
    edit_weights(misshaped, part, lambda state: state.update({sorted(state)[0]: torch.zeros(7)}))
    with pytest.raises(ValueError, match=f"{part}: weights do not fit"):
        LatentDiffusionEnhancer(misshaped)


def test_public_checkpoint_loads_offline_and_runs(tmp_path):
    torch.manual_seed(0)
    assert write_public_layout(tmp_path) == {"unet": 113.62, "vqvae": 55.32}  # millions
    enhancer = LatentDiffusionEnhancer(tmp_path, steps=1)
    low_res = 0.2 + 0.6 * torch.rand(1, 1, 8, 8)
    enhanced = enhancer.enhance(low_res, generators=seeds(1))
    assert enhanced.shape == (1, 1, 32, 32) and enhanced.isfinite().all()
    assert (degrade(enhanced, 4) - low_res).abs().max() < 0.01
