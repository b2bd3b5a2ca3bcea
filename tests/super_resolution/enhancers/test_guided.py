import json

import pytest
import torch
from scripts.super_resolution.enhancers.guided import GuidedEnhancer, _surroundings_of
from scripts.super_resolution.networks.guided_network import GuidedNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.super_resolution.region_enhancer import EnhanceSettings, RegionEnhancer
from scripts.super_resolution.resampling import resize


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    network = GuidedNetwork(width=8, blocks=1, residual_std=0.05, pixel_width=8, patch_width=16, stages=1)
    torch.nn.init.normal_(network.trunk.exit.weight, std=0.05)
    torch.nn.init.normal_(network.implicit.layers[-1].weight, std=1.0)
    save_network(network, tmp_path / "guided")
    return tmp_path


@pytest.mark.parametrize("scale", [1.5, 2, 3, 4, 4.5])
def test_reduces_to_its_input_at_every_scale(folder, scale):
    low_res = 0.3 + 0.4 * torch.rand(2, 1, 10, 14)
    enhanced = GuidedEnhancer(folder).enlarge(low_res, scale)
    assert enhanced.shape == (2, 1, 10 * scale, 14 * scale)
    assert (resize(enhanced, (10, 14)) - low_res).square().mean() < 1e-6
    raw = GuidedEnhancer(folder, data_consistency=False).enlarge(low_res, scale)
    assert not torch.allclose(raw, resize(low_res, (int(10 * scale), int(14 * scale))), atol=1e-3)  # detail is added


def test_weights_of_an_earlier_architecture_are_rejected_by_name(folder):
    config = folder / "guided" / "config.json"
    earlier = {"_class_name": "GuidedNetwork", "pixel_width": 32, "patch_width": 64, "stages": 2, "residual_blocks": 6}
    config.write_text(json.dumps(earlier))
    with pytest.raises(ValueError, match=r"guided.config\.json: .*residual_blocks.*train it again"):
        GuidedEnhancer(folder)


@pytest.mark.parametrize("shape", [(1, 2, 16, 16), (2, 1, 16, 16), (2, 2, 16, 18)], ids=["count", "channels", "side"])
def test_a_guide_that_does_not_fit_is_rejected(folder, shape):
    with pytest.raises(ValueError, match=r"guide: .*expected shape \(2, 2, g, g\).*found"):
        GuidedEnhancer(folder).enhance(torch.rand(2, 1, 8, 8), generators=[], guide=torch.rand(shape))


def test_the_guide_changes_the_result_and_fractions_are_offered(folder):
    enhancer, low_res = GuidedEnhancer(folder), torch.rand(1, 1, 8, 8)
    assert enhancer.enlarge(low_res, 2.75).shape == (1, 1, 22, 22)
    guided = enhancer.enlarge(low_res, 2.75, torch.rand(1, 2, 16, 16))
    assert not torch.allclose(guided, enhancer.enlarge(low_res, 2.75), atol=1e-4)


@pytest.mark.parametrize("scale", [1, 5])
def test_other_scales_are_rejected(folder, scale):
    with pytest.raises(ValueError, match=f"1.5 to 4.5, found {scale}"):
        GuidedEnhancer(folder, scale=scale)
    with pytest.raises(ValueError, match="scale"):
        GuidedEnhancer(folder).enlarge(torch.rand(1, 1, 8, 8), scale)


def test_guide_contains_the_surroundings_and_the_place_of_a_region(folder):
    image = torch.zeros(1, 96, 96)
    image[:, :, 64:] = 1.0  # right of the region
    context, attended = GuidedEnhancer(folder).make_guide(image, (30, 16, 78, 64))  # 48 pixels in 64, as in training
    assert context[:, :13].max() < 0.1 and context[:, 15].min() > 0.9
    assert attended.nonzero().amin(dim=0).tolist() == [2, 2] and attended.nonzero().amax(dim=0).tolist() == [13, 13]


@pytest.mark.parametrize(
    ("box", "shape", "expected"),
    [
        ((0, 0, 30, 30), (200, 200), (0, 0, 40, 40)),  # in a corner: shifted
        ((170, 170, 200, 200), (200, 200), (160, 160, 200, 200)),
        ((0, 0, 30, 30), (32, 30), (0, 0, 32, 30)),  # all there is
    ],
)
def test_surroundings_stay_inside_the_image(box, shape, expected):
    assert _surroundings_of(box, shape) == expected


def test_the_pipeline_guides_and_the_result_does_not_depend_on_the_batch(folder):
    """Regions of several images: each is enhanced under its own guide, alone or beside others."""
    enhancer, told = GuidedEnhancer(folder), []
    enhancer.network.register_forward_pre_hook(lambda network, inputs: told.append(inputs[2]))
    settings = EnhanceSettings(count=2, window=16, working_size=64, feather=2)
    attention = torch.rand(8, 8, generator=torch.Generator().manual_seed(1))
    images = [torch.rand(1, 160, 128, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    region_enhancer = RegionEnhancer(enhancer, settings)
    work = [region_enhancer.choose(image, attention, 64) for image in images]
    together = [one.high_res for one in region_enhancer.enhance(work)]
    expected = [enhancer.make_guide(one.source, region.box) for one in work for region in one.regions]
    torch.testing.assert_close(torch.cat(told), torch.stack(expected))
    alone = [one.high_res for item in work for one in RegionEnhancer(enhancer, settings, batch=1).enhance([item])]
    for first, second in zip(together, alone, strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-5)
    for one in work:
        one.guides = []
    without = [one.high_res for one in region_enhancer.enhance(work)]
    assert not torch.allclose(together[0][0], without[0][0], atol=1e-4)
