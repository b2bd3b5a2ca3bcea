import pytest
import torch
from scripts.super_resolution.enhancers.residual import ResidualEnhancer
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.super_resolution.resampling import degrade, resize


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    network = RegressionNetwork(width=8, blocks=1)
    torch.nn.init.normal_(network.exit.weight, std=0.02)
    save_network(network, tmp_path / "regression")
    return tmp_path


def test_adds_the_output_of_the_network_and_reduces_to_its_input(folder):
    low_res = 0.3 + 0.4 * torch.rand(2, 1, 9, 12)
    enhanced = ResidualEnhancer(folder).enhance(low_res, generators=[])
    assert enhanced.shape == (2, 1, 36, 48)
    assert (enhanced - resize(low_res, (36, 48))).abs().max() > 0.01
    assert (degrade(enhanced, 4) - low_res).square().mean() < 1e-6
    raw = ResidualEnhancer(folder, data_consistency=False).enhance(low_res, generators=[])
    assert (degrade(raw, 4) - low_res).square().mean() > 1e-6


def test_does_not_depend_on_the_batch(folder):
    enhancer, low_res = ResidualEnhancer(folder / "regression"), torch.rand(3, 1, 8, 8)
    single = torch.cat([enhancer.enhance(one[None], generators=[]) for one in low_res])
    assert torch.allclose(enhancer.enhance(low_res, generators=[]), single, atol=1e-5)


def test_folder_without_a_network_is_rejected(tmp_path):
    with pytest.raises(FileNotFoundError, match="no network"):
        ResidualEnhancer(tmp_path)
