import torch
from monai.transforms import Compose
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
