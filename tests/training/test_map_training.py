import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.networks import load_vit_multilabel
from scripts.workflow import run_workflow

LABELS = ["Spot"]
SIDE, SPOT = 32, 12


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Noise with a bright spot, with a box, in every second film."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    datalist = {"labels": LABELS, "split": {"by": "patient", "seed": 0}}
    for split, count in (("training", 8), ("validation", 4), ("test", 4)):
        datalist[split] = []
        for number in range(count):
            image, x, y = rng.uniform(0.3, 0.5, (SIDE, SIDE)), *rng.integers(0, SIDE - SPOT, 2).tolist()
            if number % 2:
                image[y : y + SPOT, x : x + SPOT] += 0.4
            path = f"{split}{number:02}.png"
            Image.fromarray((image * 255).astype(np.uint8)).save(folder / path)
            boxes = [{"label": "Spot", "xywh": [x, y, SPOT, SPOT]}] if number % 2 else []
            datalist[split].append({"image": path, "label": [float(number % 2)], "patient_id": path, "boxes": boxes})
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


def run(films, output_dir, **changes):
    overrides = {
        "dataset_dir": str(films), "output_dir": str(output_dir), "backbone": None, "image_size": SIDE, "batch_size": 4,
        "architecture": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
                         "patch_size": 8},
        "precision": "fp32", "tracking_uri": "none", "patch_head": True, **changes,
    }  # fmt: skip
    run_workflow("training", overrides=overrides)
    return load_vit_multilabel(output_dir / "model")


def test_boxes_reach_the_loss(films, tmp_path):
    network = run(films, tmp_path / "base", max_epochs=1, mass_weight=100.0)
    plain = run(films, tmp_path / "plain", max_epochs=1, patch_weight=0.0, mass_weight=0.0)
    assert not torch.equal(network.patch_head.position, plain.patch_head.position)


def test_a_datalist_without_boxes_trains(films, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(films, bare)
    datalist = json.loads((bare / "datalist.json").read_text())
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            item.pop("boxes")
    (bare / "datalist.json").write_text(json.dumps(datalist))
    assert run(bare, tmp_path / "base", max_epochs=1).patch_head is not None


def test_the_weights_of_the_losses_cannot_change_within_a_run(films, tmp_path):
    run(films, tmp_path / "base", max_epochs=1)
    with pytest.raises(ValueError, match=r"patch_head: expected .*'patch_weight': 2"):
        run(films, tmp_path / "base", max_epochs=1, patch_weight=2.0)
