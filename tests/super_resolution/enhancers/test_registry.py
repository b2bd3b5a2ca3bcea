import pytest
import torch
from scripts.phantom import make_phantom
from scripts.sr_training.train_diffusion import _build_scheduler, build_unet
from scripts.super_resolution.enhancers.registry import _ONLY_FOUR, ENHANCERS, make_enhancer
from scripts.super_resolution.enhancers.resshift import ShiftSchedule, save_schedule
from scripts.super_resolution.fidelity import psnr
from scripts.super_resolution.networks.guided_network import GuidedNetwork
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.super_resolution.resampling import degrade
from scripts.workflow import BUNDLE_ROOT

from ..tiny_ldm import tiny_networks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder with every part."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    for part in ("regression", "resshift/regression"):
        save_network(RegressionNetwork(width=8, blocks=1), folder / part)
    save_network(build_unet(17, 3, (16, 32), sample_size=8), folder / "unet")
    save_network(tiny_networks(channels=1)[1], folder / "vqvae")
    _build_scheduler().save_pretrained(folder / "scheduler")
    save_network(build_unet(17, 16, (16, 32), sample_size=8), folder / "resshift" / "unet")
    save_schedule(folder / "resshift", ShiftSchedule(0.01))
    save_network(GuidedNetwork(8, 1, pixel_width=8, patch_width=16, stages=1), folder / "guided")
    return folder


@pytest.mark.parametrize("name", ["residual", "ldm", "resshift", "inverse", "guided"])
def test_shipped_weights_are_closer_to_a_radiograph_than_interpolation(name):
    film = torch.from_numpy(make_phantom(0, 1, 1, None, 1024).image.astype("float32") / 4095)
    truth = film[400:528, 200:328][None, None].contiguous()  # ribs and vessels of a phantom that no network saw
    low_res, noise = degrade(truth, 4), [torch.Generator().manual_seed(0)]
    shipped = BUNDLE_ROOT / "models" / "ldm-sr-nih"
    found, plain = (
        make_enhancer(each, folder=shipped).enhance(low_res, generators=noise) for each in (name, "bicubic")
    )
    assert psnr(found, truth) > psnr(plain, truth)
    assert psnr(degrade(found, 4), low_res) > 60


@pytest.mark.parametrize("name", ENHANCERS)
def test_every_name_gives_its_enhancer(name, folder):
    enhancer = make_enhancer(name, folder=folder, steps=2)
    assert enhancer.name == name and enhancer.weights_hash.startswith("none") == (name in ENHANCERS[:4])
    image = torch.rand(1, 1, 8, 8)
    size = 8 if enhancer.needs_native else 8 * enhancer.scale
    enhanced = enhancer.enhance(image, generators=[torch.Generator().manual_seed(0)])
    assert enhanced.shape == (1, 1, size, size) and torch.isfinite(enhanced).all()


@pytest.mark.parametrize("name", ["bicubic", "lanczos", "guided"])
def test_other_scales_of_enhancers_that_offer_them(name, folder):
    enhancer = make_enhancer(name, folder=folder, scale=3)
    assert enhancer.enhance(torch.rand(1, 1, 8, 8), generators=[]).shape == (1, 1, 24, 24)


@pytest.mark.parametrize("name", _ONLY_FOUR)
def test_a_scale_that_is_not_offered_is_rejected(name, folder):
    with pytest.raises(ValueError, match=f"scale: not offered by {name}; expected 4, found 2"):
        make_enhancer(name, folder=folder, scale=2)


def test_unknown_name_and_no_scale_are_rejected(tmp_path):
    with pytest.raises(ValueError, match="identity, bicubic, lanczos, native, residual"):
        make_enhancer("bilinear", folder=tmp_path)
    with pytest.raises(ValueError, match="scale: expected 1 or more"):
        make_enhancer("bicubic", folder=tmp_path, scale=0)


@pytest.mark.parametrize("name", ["bicubic", "lanczos"])
def test_interpolation_is_corrected_until_it_reduces_to_its_input(name, tmp_path):
    low_res = degrade(0.2 + 0.6 * torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)), 2)
    consistency = {}
    for corrected in (True, False):
        enhancer = make_enhancer(name, folder=tmp_path, data_consistency=corrected)
        consistency[corrected] = psnr(degrade(enhancer.enhance(low_res, generators=[]), 4), low_res)
    assert consistency[True] > 60 > consistency[False]
    assert make_enhancer(name, folder=tmp_path).weights_hash != enhancer.weights_hash


@pytest.mark.parametrize("name", ENHANCERS[4:])
def test_an_enhancer_without_weights_is_rejected(name, tmp_path):
    with pytest.raises(FileNotFoundError):
        make_enhancer(name, folder=tmp_path)
