import torch
from scripts.attention import make_attention
from scripts.inference.zoom_classifier import ZoomClassifier
from scripts.networks import ViTMultilabel, ZoomViT
from scripts.training.precision import AutocastInferer
from scripts.zoom.crops import make_zoomer

from ..conftest import LABELS, TINY


def test_the_labels_that_choose_regions_are_those_of_the_guide(tmp_path):
    base = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32, labels=LABELS, patch_head=True)
    base.located_labels = [LABELS[0]]
    network = ZoomViT(base.eval(), {"count": 2, "window": 8, "crop_size": 16, "source": "native"}).eval()
    attention = make_attention("patch_logits", network)
    zoomer = make_zoomer(network, tmp_path, "cpu")
    classify = ZoomClassifier(network, attention, AutocastInferer(), "cpu", zoomer)
    images = torch.rand(2, 1, 32, 32)
    rows = list(classify(images, list(images)).rows())
    assert [row.explained.located for row in rows] == [[LABELS[0]]] * 2
    # The maps are weighted with the probabilities of the guide, which chose the regions of the crops.
    assert torch.allclose(torch.cat([row.explained.logits for row in rows]), base(images), atol=1e-6)
