import pytest
import torch
from scripts.super_resolution.networks.coding import Coding, load_coding
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("regression", [None, RegressionNetwork(width=8, blocks=1).eval()])
def test_a_perfect_autoencoder_gives_the_truth(regression, channels):
    high_res, low_res = torch.rand(2, 1, 16, 24), torch.rand(2, 1, 4, 6)
    coding = Coding(regression, channels)
    base = coding.base(low_res)
    target = coding.target(high_res, base)
    assert target.shape == (2, channels, 16, 24)
    assert torch.allclose(coding.image(target, base), high_res, atol=1e-6)
    assert coding.condition(low_res, base).shape == (2, coding.condition_channels, 4, 6)


def test_whole_images_are_encoded_as_in_the_public_checkpoint():
    high_res, low_res = torch.rand(1, 1, 8, 8), torch.rand(1, 1, 2, 2)
    coding = Coding(None, 3)
    base = coding.base(low_res)
    assert torch.allclose(coding.target(high_res, base), (high_res * 2 - 1).expand(-1, 3, -1, -1))
    assert torch.equal(coding.condition(low_res, base), (low_res * 2 - 1).expand(-1, 3, -1, -1))


def test_the_condition_contains_the_base_at_its_place():
    coding = Coding(RegressionNetwork(width=8, blocks=1).eval(), 1)
    low_res = torch.rand(1, 1, 3, 3)
    base = coding.base(low_res)
    block = coding.condition(low_res, base)[0, 1:, 1, 2]
    assert torch.allclose(block, (base[0, 0, 4:8, 8:12] * 2 - 1).flatten())


def test_folder_determines_the_encoded_image(tmp_path):
    assert load_coding(tmp_path, 3).regression is None
    save_network(RegressionNetwork(width=8, blocks=1), tmp_path / "regression")
    assert load_coding(tmp_path, 1).condition_channels == 17
    save_network(RegressionNetwork(width=8, blocks=1, scale=2), tmp_path / "regression")
    with pytest.raises(ValueError, match="expected 4, found 2"):
        load_coding(tmp_path, 1)
