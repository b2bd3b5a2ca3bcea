"""Detail on its way to the classifier: larger canvases and crops, through the workflows and on phantoms."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scripts.common.geometry import fit_square
from scripts.dicom import write_png16
from scripts.networks import ViTMultilabel, ZoomSettings, ZoomViT, load_vit_multilabel
from scripts.phantom import make_phantom
from scripts.super_resolution.enhancers.native import NativeEnhancer
from scripts.super_resolution.region_enhancer import EnhanceSettings, RegionEnhancer
from scripts.workflow import BUNDLE_ROOT, run_workflow
from scripts.zoom.crops import _cut_crops

from .conftest import TINY

SHIPPED = BUNDLE_ROOT / "models" / "vit-small-nih14"
QUICK = {"max_epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "precision": "fp32", "tracking_uri": "none"}
ZOOM = {"zoom_count": 2, "zoom_window": 8, "zoom_size": 16, "zoom_source": "auto", "zoom_enhancer": "bicubic"}


@pytest.fixture(scope="module")
def base(tmp_path_factory, data_dir):
    """Output folder of a training at 32 pixels."""
    out = tmp_path_factory.mktemp("detail") / "base"
    architecture = {"backbone": None, "architecture": TINY, "image_size": 32, "pool": "cls_mean"}
    run_workflow("training", overrides={**QUICK, **architecture, "dataset_dir": str(data_dir), "output_dir": str(out)})
    return out


def logits_of(folder):
    items = json.loads((Path(folder) / "predictions.json").read_text())["items"]
    return {Path(item["image"]).stem.split("_")[-1]: item["logits"] for item in items}


def infer(model, inputs, out):
    settings = {"model_dir": str(model), "inputs": [str(inputs)], "output_dir": str(out), "enhance": False}
    run_workflow("inferring", overrides={**settings, "tracking_uri": "none"})
    return logits_of(out)


@pytest.mark.parametrize(
    "selector",
    [{}, {"zoom_selector": "mean_map"}, {"zoom_attention": "grad_cam"}],
    ids=["fixed_windows", "mean_map", "maps_of_labels"],
)
def test_zoom_network_is_trained_evaluated_calibrated_and_predicts_alike(base, data_dir, tmp_path, selector):
    shared = {"dataset_dir": str(data_dir), "output_dir": str(tmp_path / "zoom"), **selector}
    run_workflow("zooming", overrides={**QUICK, **ZOOM, **shared, "base_dir": str(base), "flip_probability": 0.5})
    shared = {key: shared[key] for key in ("dataset_dir", "output_dir")}
    network, start = load_vit_multilabel(tmp_path / "zoom" / "model"), load_vit_multilabel(base / "model")
    assert isinstance(network, ZoomViT) and network.pool == "cls_mean" and network.zoom.crop_size == 16
    assert network.reader.weight.abs().max() > 0
    assert all(torch.equal(value, start.state_dict()[key]) for key, value in network.guide.state_dict().items())

    run_workflow("evaluating", overrides={**shared, "bootstrap": 40, "batch_size": 4, "tracking_uri": "none"})
    run_workflow("calibrating", overrides={**shared, "novelty_images": 8, "tracking_uri": "none"})
    expected = logits_of(tmp_path / "zoom")
    found = infer(tmp_path / "zoom" / "model", data_dir / "test", tmp_path / "out")
    assert found.keys() == expected.keys() and len(found) == 6
    for name, values in found.items():
        assert values == pytest.approx(expected[name], abs=2e-4)  # the cache of the evaluation holds 16 bits


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Phantoms of 64 pixels, with and without a large heart; what they become must still look like a chest."""
    folder, labels = tmp_path_factory.mktemp("films"), ["Cardiomegaly", "Normal"]
    datalist = {"labels": labels, "split": {"by": "patient", "seed": 0}}
    for first, split in enumerate(("training", "validation", "test")):
        datalist[split] = []
        for patient in range(4 * first, 4 * first + 4):
            findings = {"Cardiomegaly": "marked"} if patient % 2 else None
            write_png16(make_phantom(0, patient, 1, findings, 64).image / 4095, folder / split / f"{patient:02}.png")
            item = {"image": f"{split}/{patient:02}.png", "label": [patient % 2, 1 - patient % 2]}
            datalist[split].append({**item, "patient_id": f"{patient}"})
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


def test_canvas_of_enhanced_pixels_is_learnt_at_a_higher_resolution(films, tmp_path):
    base = tmp_path / "base"
    architecture = {"backbone": None, "architecture": TINY, "image_size": 32, "pool": "cls_mean"}
    run_workflow("training", overrides={**QUICK, **architecture, "dataset_dir": str(films), "output_dir": str(base)})
    canvas = {"enhancer": "bicubic", "paste_mode": "hr_canvas", "working_size": None, "window": 8, "region_count": 2}
    shared = {"base_dir": str(base), "tracking_uri": "none"}
    enhanced = {"dataset_dir": str(films), "output_dir": str(tmp_path / "enhanced")}
    run_workflow("enhancing", overrides={**canvas, **shared, **enhanced})
    larger = {"backbone": str(base / "model"), "image_size": 48, "pool": "cls_mean"}
    retrained = {"dataset_dir": str(tmp_path / "enhanced"), "output_dir": str(tmp_path / "retrained")}
    run_workflow("retraining", overrides={**QUICK, **larger, **shared, **retrained})
    network = load_vit_multilabel(tmp_path / "retrained" / "model")
    assert network.patch_grid == (6, 6)  # of an image that is four times as large as the source, 256 pixels

    run_workflow("evaluating", overrides={**retrained, "bootstrap": 40, "tracking_uri": "none"})
    found = infer(tmp_path / "retrained" / "model", tmp_path / "enhanced" / "test", tmp_path / "out")
    expected = logits_of(tmp_path / "retrained")
    assert len(expected) == 4
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=2e-4)


@pytest.mark.parametrize("selector", ["fixed_windows", "mean_map"])
def test_regions_of_labels_and_of_a_mean_map_come_from_the_configuration(base, data_dir, tmp_path, selector):
    own = {"selector": selector, "attention_method": "grad_cam", "enhancer": "bicubic", "working_size": None}
    shared = {"base_dir": str(base), "dataset_dir": str(data_dir), "tracking_uri": "none"}
    overrides = {**own, **shared, "window": 8, "region_count": 2, "output_dir": str(tmp_path / "enhanced")}
    run_workflow("enhancing", overrides=overrides)
    lines = [json.loads(line) for line in (tmp_path / "enhanced" / "manifest.jsonl").read_text().splitlines()]
    named = [name for line in lines for name in line["region_labels"] if name is not None]
    assert len(lines) == 28 and bool(named) == (selector == "fixed_windows")
    examples = tmp_path / "enhanced" / "examples"
    assert [len(list(examples.glob(f"{kind}_*.png"))) for kind in ("attention", "panel")] == [6, 6]


class Views:
    """Three ways from one film of 1024 pixels into the network that ships, at 224 pixels; regions lie on the findings.

    The crops are read by weights that were drawn at random: what is asked is whether a finding *reaches* the logits.
    """

    def __init__(self):
        torch.manual_seed(0)
        shipped = load_vit_multilabel(SHIPPED)
        structure = {key: getattr(shipped, key) for key in ("labels", "num_labels", "pool", "label_blocks")}
        self.base = ViTMultilabel(SHIPPED, image_size=224, **structure).eval()
        self.size, patch = self.base.image_size, self.base.backbone.config.patch_size
        self.large = ViTMultilabel(SHIPPED, image_size=504 // patch * patch, **structure).eval()
        self.zoom = ZoomSettings(count=4, window=self.size // 8, crop_size=112 // patch * patch, source="native")
        self.network = ZoomViT(self.base, self.zoom).eval()
        torch.nn.init.normal_(self.network.reader.weight, std=0.05)
        rows, columns = self.base.patch_grid
        self.attention = torch.zeros(rows, columns)
        middle = slice(7 * rows // 16, 10 * rows // 16)
        for column in (4 * columns // 16, 10 * columns // 16):
            self.attention[middle, column : column + 2] = 1

    def enhanced(self, film, mode):
        region_enhancer = RegionEnhancer(NativeEnhancer(4), EnhanceSettings(paste_mode=mode))
        return region_enhancer.paste(region_enhancer(film, self.attention, self.size))[0]

    @torch.inference_mode()
    def logits(self, findings):
        film = torch.from_numpy(make_phantom(0, 1, 1, findings, 1024).image.astype(np.float32) / 4095)[None]
        crops = _cut_crops(film, self.attention, self.size, self.zoom, None)
        image = fit_square(film, self.size)[None]
        return {
            "paste_back": self.base(fit_square(self.enhanced(film, "paste_back"), self.size)[None]),
            "hr_canvas": self.large(fit_square(self.enhanced(film, "hr_canvas"), self.large.image_size)[None]),
            "zoom": self.network(image, crops.crops[None], crops.boxes[None]),
        }


def test_fine_detail_reaches_the_network_through_crops_and_canvas_but_not_pasted_back():
    """Septal lines, and for comparison haze of the same finding, which any input size shows, in the same film."""
    views = Views()
    healthy, lines, haze = (
        views.logits(findings) for findings in (None, {"Edema": "interstitial"}, {"Edema": "alveolar"})
    )
    share = {
        mode: float((lines[mode] - healthy[mode]).norm() / (haze[mode] - healthy[mode]).norm()) for mode in healthy
    }
    assert share["paste_back"] < 0.02
    assert min(share["hr_canvas"], share["zoom"]) > 4 * share["paste_back"]
