import pytest
import torch
from scripts.super_resolution.networks.guided_network import GuidedNetwork, ImplicitFunction, _join, _neighbours, split
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.resampling import resize


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = GuidedNetwork(width=8, blocks=1, residual_std=0.1, pixel_width=8, patch_width=16, stages=1).eval()
    torch.nn.init.normal_(network.implicit.layers[-1].weight, std=1.0)
    return network


def test_untrained_it_is_bicubic_at_any_scale():
    low_res, guide = torch.rand(2, 1, 10, 13), torch.rand(2, 2, 16, 16)
    enlarged = GuidedNetwork()(low_res, (37, 22), guide, torch.ones(2))
    assert torch.equal(enlarged, resize(low_res, (37, 22)))


def test_before_the_branch_is_trained_it_is_its_trunk_at_scale_four():
    torch.manual_seed(0)
    trunk = RegressionNetwork(width=8, blocks=1)
    torch.nn.init.normal_(trunk.exit.weight, std=0.1)
    network = GuidedNetwork(width=8, blocks=1, pixel_width=8, patch_width=16, stages=1)
    network.trunk.load_state_dict(trunk.state_dict())
    low_res, guide = torch.rand(2, 1, 10, 13), torch.rand(2, 2, 16, 16)
    with torch.no_grad():
        expected = trunk(low_res)
        assert torch.allclose(network(low_res, (40, 52), guide, torch.ones(2)), expected, atol=1e-6)
        half = network(low_res, (20, 26), guide, torch.ones(2))
    # At a smaller scale, the detail is that of scale 4, reduced.
    reduced = resize(low_res, (20, 26)) + resize(expected - resize(low_res, (40, 52)), (20, 26))
    assert torch.allclose(half, reduced, atol=1e-6)


def test_the_branch_learns_from_the_first_step():
    """Its last layer starts at zero, and must not keep the gradient from coming."""
    torch.manual_seed(0)
    network = GuidedNetwork(width=8, blocks=1, residual_std=1.0, pixel_width=8, patch_width=16, stages=1)
    low_res, guide, truth = torch.rand(2, 1, 8, 8), torch.rand(2, 2, 16, 16), torch.rand(2, 1, 24, 24)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (network(low_res, (24, 24), guide, torch.ones(2)) - truth).square().mean().backward()
        optimizer.step()
    parts = (network.trunk.entry, network.region_stages[0].project, network.fusions[0].out_proj, network.guide_entry)
    assert all(float(part.weight.grad.abs().sum()) > 0 for part in parts)


def test_default_is_not_much_larger_than_its_trunk():
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    assert count(GuidedNetwork()) < 1.5 * count(RegressionNetwork())


def test_patches_are_reassembled():
    features = torch.rand(2, 3, 8, 12)
    pixels = split(features)
    assert pixels.shape == (2 * 6, 16, 3) and torch.equal(_join(pixels, (2, 3)), features)
    assert torch.equal(pixels[1].T.reshape(3, 4, 4), features[0, :, :4, 4:8])


def test_the_guide_has_an_effect_only_where_it_is_present(network):
    low_res, guide = torch.rand(2, 1, 8, 8), torch.rand(2, 2, 16, 16)
    with torch.no_grad():
        alone = network(low_res, (32, 32), None, torch.ones(2))
        mixed = network(low_res, (32, 32), guide, torch.tensor([0.0, 1.0]))
    assert torch.allclose(alone[0], mixed[0], atol=1e-6) and not torch.allclose(alone[1], mixed[1], atol=1e-4)


def test_a_linear_function_of_the_place_is_continuous():
    # Between two features the blend of their values at equal content has no step.
    torch.manual_seed(0)
    function = ImplicitFunction(4)
    torch.nn.init.normal_(function.layers[-1].weight, std=1.0)
    with torch.no_grad():
        row = function(torch.randn(1, 4, 6, 6), (240, 240))[0, 0, 120]
    assert (row[1:] - row[:-1]).abs().max() < 0.1 * (row.max() - row.min())


def test_neighbours_enclose_the_place():
    (lower, below, weight), (upper, above, rest) = _neighbours(4, 16)
    assert torch.allclose(weight + rest, torch.ones(16)) and bool((upper - lower <= 1).all())
    assert torch.allclose(below - above, torch.ones(16))
    inner = slice(2, 14)
    assert torch.allclose((lower * weight + upper * rest)[inner], ((torch.arange(16) + 0.5) / 4 - 0.5)[inner])
