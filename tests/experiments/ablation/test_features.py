import pytest
from scripts.experiments.ablation.arm_enhancers import Enhancers
from scripts.experiments.ablation.arms import View
from scripts.experiments.ablation.feature_cache import FeatureCache
from scripts.experiments.ablation.features import FeatureMaker
from scripts.experiments.ablation.frozen_backbone import FrozenBackbone
from scripts.super_resolution.region_enhancer import EnhanceSettings

VIEWS = [View(), View("paste_back", "bicubic"), View("zoom", "native")]


def make(backbone, path, **settings):
    frozen = FrozenBackbone(backbone, image_size=32, precision="fp32")
    settings = {"count": 2, "window": 16, **settings}
    return FeatureMaker(frozen, FeatureCache(path), Enhancers("none"), EnhanceSettings(**settings), 16)


@pytest.fixture
def images(films):
    return [str(films / "test" / f"{number}.png") for number in range(3)]


def test_every_view_has_features_of_one_form(backbone, images, tmp_path):
    maker = make(backbone, tmp_path / "f.sqlite")
    assert maker.fill(images, [(view, 0) for view in VIEWS]) == []
    assert {maker.load(images, (view, 0)).values.shape for view in VIEWS} == {(3, 6 * 32)}


def test_a_killed_run_continues_with_the_same_features(backbone, images, tmp_path):
    wanted = [(view, 0) for view in VIEWS]
    whole, parts = make(backbone, tmp_path / "whole.sqlite"), make(backbone, tmp_path / "parts.sqlite")
    whole.fill(images, wanted)
    parts.fill(images[:1], wanted[:1])
    parts = make(backbone, tmp_path / "parts.sqlite")
    parts.fill(images, wanted)
    for one in wanted:
        assert whole.load(images, one).values == pytest.approx(parts.load(images, one).values, abs=1e-5)


def test_other_regions_have_other_entries(backbone, images, tmp_path):
    first, second = make(backbone, tmp_path / "f.sqlite"), make(backbone, tmp_path / "f.sqlite", count=1)
    wanted = (View(), 0)
    assert first.key(images[0], wanted) == make(backbone, tmp_path / "f.sqlite").key(images[0], wanted)
    assert first.key(images[0], wanted) != second.key(images[0], wanted)


def test_an_image_that_cannot_be_read_costs_no_other(backbone, images, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    maker = make(backbone, tmp_path / "f.sqlite")
    (failure,) = maker.fill([str(broken), *images], [(View(), 0)])
    assert failure.path == str(broken)
    assert len(maker.load(images, (View(), 0)).values) == 3
