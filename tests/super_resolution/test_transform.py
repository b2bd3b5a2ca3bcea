import pytest
import torch
from monai.transforms import Compose
from scripts.attention import make_attention
from scripts.networks import ViTMultilabel
from scripts.super_resolution import AttentionGuidedSuperResolutiond
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.region_enhancer import EnhanceSettings
from scripts.transforms import LoadRadiographd

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def test_works_in_a_compose_after_the_reader(data_dir):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32).eval()
    settings = EnhanceSettings(count=1, window=8, working_size=None)
    chain = Compose(
        [LoadRadiographd("image"), AttentionGuidedSuperResolutiond("image", network, BicubicEnhancer(2), settings)]
    )
    item = {"image": data_dir / "test" / "00.png"}
    found, again = chain(item)["image"], chain(item)["image"]
    ((row0, col0, row1, col1),) = found.meta["regions"]
    source = LoadRadiographd("image")(item)["image"]
    changed = (found != source)[0]
    assert changed[row0:row1, col0:col1].any() and found.shape == source.shape
    changed[row0:row1, col0:col1] = False
    assert not changed.any() and torch.equal(found, again)


def test_regions_of_maps_of_labels_name_their_labels(data_dir):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=["Mass", "Edema"]).eval()
    settings = EnhanceSettings(count=2, window=8, working_size=None)
    enhance = AttentionGuidedSuperResolutiond(
        "image", network, BicubicEnhancer(2), settings, attention=make_attention("grad_cam", network)
    )
    found = enhance(LoadRadiographd("image")({"image": data_dir / "test" / "00.png"}))["image"]
    assert len(found.meta["region_labels"]) == len(found.meta["regions"])
    assert set(found.meta["region_labels"]) <= {"Mass", "Edema", None}


@pytest.mark.parametrize(("selector", "found"), [("findings", "expected one of"), ("mean_map", "found another")])
def test_selectors_that_cannot_work_here_are_rejected(selector, found):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=["Mass", "Edema"]).eval()
    with pytest.raises(ValueError, match=found):
        AttentionGuidedSuperResolutiond("image", network, BicubicEnhancer(2), EnhanceSettings(selector=selector))
