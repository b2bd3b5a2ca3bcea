import torch
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.resampling import resize


def test_untrained_it_is_bicubic_at_any_size_and_scale():
    low_res = torch.rand(2, 1, 7, 10)
    for scale in (2, 4):
        enlarged = RegressionNetwork(width=8, blocks=1, scale=scale)(low_res)
        assert torch.equal(enlarged, resize(low_res, (7 * scale, 10 * scale)))


def test_default_is_small():
    assert 0.3e6 < sum(parameter.numel() for parameter in RegressionNetwork().parameters()) < 1e6
