import pytest
import torch
from scripts.data.datalist import load_datalist
from scripts.experiments.ablation.arm_enhancers import Enhancers
from scripts.experiments.ablation.arms import View
from scripts.experiments.ablation.cases import Cases
from scripts.experiments.ablation.feature_cache import FeatureCache
from scripts.experiments.ablation.features import FeatureMaker
from scripts.experiments.ablation.frozen_backbone import FrozenBackbone
from scripts.experiments.ablation.views import read_source
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


def test_regions_of_the_mean_map_are_those_of_other_patients(backbone, films, tmp_path):
    cases, wanted = Cases.of(load_datalist(films / "datalist.json"), 12), (View("zoom", "native", "mean_map"), 0)
    maker = make(backbone, tmp_path / "f.sqlite")
    maker.know(cases)
    assert maker.fill(cases.images[:2] + cases.images[-2:], [wanted]) == []
    training = [case.item for case in cases.cases if case.split == "training"]
    maps = [maker.attention(read_source(item["image"], 16)) for item in training if item["patient_id"] != "training0"]
    assert torch.allclose(maker.mean_map.without("training0").float(), torch.stack(maps).mean(dim=0), atol=1e-6)
    fewer = make(backbone, tmp_path / "f.sqlite")
    fewer.know(Cases.of(load_datalist(films / "datalist.json"), 8))
    assert maker.key(cases.images[0], wanted) != fewer.key(cases.images[0], wanted)
    assert maker.key(cases.images[0], (View(), 0)) == fewer.key(cases.images[0], (View(), 0))


def test_a_mean_map_needs_images_of_two_patients(backbone, films, tmp_path):
    maker = make(backbone, tmp_path / "f.sqlite")
    maker.know(Cases.of(load_datalist(films / "datalist.json"), 4))
    with pytest.raises(ValueError, match="expected training images of at least 2, found 1"):
        maker.fill(maker.cases.images[:1], [(View("zoom", "native", "mean_map"), 0)])
