import pytest
import torch
from scripts.sr_training.train_diffusion import build_unet
from scripts.super_resolution.enhancers.inverse import InverseEnhancer, _project
from scripts.super_resolution.enhancers.resshift import ShiftSchedule, save_schedule
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.super_resolution.resampling import degrade

from ..tiny_ldm import write_tiny_ldm


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_network(RegressionNetwork(width=8, blocks=1), tmp_path / "resshift" / "regression")
    save_network(build_unet(17, 16, (16, 32), sample_size=8), tmp_path / "resshift" / "unet")
    save_schedule(tmp_path / "resshift", ShiftSchedule(residual_std=0.1))
    return tmp_path


def seeds(count):
    return [torch.Generator().manual_seed(index) for index in range(count)]


def error(image, low_res):
    return float((degrade(image, 4) - low_res).square().mean())


def test_every_sample_reduces_nearly_to_the_input_before_the_result_is_corrected(folder):
    enhancer = InverseEnhancer(folder, samples=1, data_consistency=False)
    low_res = 0.3 + 0.4 * torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    free = enhancer.prior.sample(low_res, seeds(2)).image
    assert error(enhancer.enhance(low_res, generators=seeds(2)), low_res) < 0.2 * error(free, low_res)


def test_the_projection_takes_a_prior_that_knows_the_rest_to_the_truth():
    """What reduction removes comes from the prior, and the rest from the input, however wrong the prior is there."""
    truth = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    wrong = truth + torch.linspace(-0.2, 0.2, 32)  # of low frequency, which the input shows
    found = _project(wrong, degrade(truth, 4))
    assert (found - truth).square().mean() < 0.02 * (wrong - truth).square().mean()


def test_the_mean_of_samples_varies_less_than_a_sample(folder):
    low_res = 0.3 + 0.4 * torch.rand(1, 1, 8, 8)

    def spread(samples):
        enhancer = InverseEnhancer(folder, samples=samples)
        return torch.cat([enhancer.enhance(low_res, generators=[one]) for one in seeds(6)]).std(dim=0).mean()

    assert spread(4) < 0.75 * spread(1)


def test_any_size_batched_as_single_and_consistent(folder):
    enhancer, low_res = InverseEnhancer(folder, samples=2), 0.3 + 0.4 * torch.rand(2, 1, 9, 14)
    batched = enhancer.enhance(low_res, generators=seeds(2))
    single = [enhancer.enhance(low_res[i : i + 1], generators=[seeds(2)[i]]) for i in range(2)]
    assert batched.shape == (2, 1, 36, 56) and torch.allclose(batched, torch.cat(single), atol=1e-4)
    assert error(batched, low_res) < 1e-6


def test_a_latent_diffusion_and_no_sample_are_rejected(folder, tmp_path):
    latent = write_tiny_ldm(tmp_path / "latent")
    with pytest.raises(FileNotFoundError, match=r"no prior for inverse; .*found scheduler, unet, vqvae"):
        InverseEnhancer(latent)
    with pytest.raises(ValueError, match="samples"):
        InverseEnhancer(folder, samples=0)
