from dataclasses import replace

import pytest
import torch
from scripts.attention.last_layer import attention_maps
from scripts.common.geometry import fit_square
from scripts.data.datalist import load_datalist
from scripts.dicom import read_radiograph
from scripts.networks import (
    ViTMultilabel,
    ZoomSettings,
    ZoomViT,
    load_vit_multilabel,
    save_vit_multilabel,
)
from scripts.zoom.base_mean_map import base_mean_map
from scripts.zoom.crops import make_zoomer

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
LABELS = ["Mass", "Edema"]
ZOOM = ZoomSettings(count=2, window=8, crop_size=16, source="native", selector="mean_map")


@pytest.fixture
def base():
    torch.manual_seed(0)
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=LABELS).eval()


@pytest.fixture
def items(data_dir):
    return load_datalist(data_dir / "datalist.json").splits["training"]


def test_the_mean_map_of_the_training_films_travels_with_the_network(base, items, tmp_path):
    data = base_mean_map(base, ZOOM, items)
    fitted = [fit_square(torch.from_numpy(read_radiograph(item["image"]).image), 32) for item in items]
    assert torch.allclose(data.float(), attention_maps(base, torch.stack(fitted))[1].mean(dim=0), atol=1e-6)
    network = ZoomViT(base, ZOOM, mean_map=data).eval()
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={}, dtype="float16")
    loaded = load_vit_multilabel(tmp_path / "model")
    assert torch.equal(loaded.mean_map, network.mean_map)
    film = torch.rand(1, 64, 64)
    assert make_zoomer(loaded, ".")(film).regions == make_zoomer(network, ".")(film).regions


def test_other_selectors_need_nothing_and_leave_the_weights_as_they_were(base):
    plain = replace(ZOOM, selector="fixed_windows")
    assert base_mean_map(base, plain, []) is None
    assert "mean_map" not in ZoomViT(base, plain).state_dict()


def test_settings_that_do_not_fit_are_rejected(base, items):
    with pytest.raises(ValueError, match="selector"):
        base_mean_map(base, replace(ZOOM, selector="findings"), items)
    with pytest.raises(ValueError, match="at least 2 patients that can be read, found 1"):
        base_mean_map(base, ZOOM, items[:1])
    with pytest.raises(ValueError, match=r"expected the shape \(4, 4\), found \(3, 3\)"):
        ZoomViT(base, ZOOM, mean_map=torch.rand(3, 3))


def test_folder_of_an_earlier_version_has_no_attention_method(base, tmp_path):
    import json

    network = ZoomViT(base, replace(ZOOM, selector="fixed_windows")).eval()
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    path = tmp_path / "model" / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["preprocessing"]["zoom"]["attention"]
    path.write_text(json.dumps(metadata))
    assert load_vit_multilabel(tmp_path / "model").zoom == network.zoom
