"""``--overlay paper`` with networks of the public sizes: ViT-B/16 and the public latent diffusion, random weights.

It takes seven minutes on two cores and 4.5 GB of memory, so it runs only with ``pytest -m slow``.
"""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.workflow import run_workflow

from .conftest import LABELS, draw
from .super_resolution.public_ldm import write_public_layout

pytestmark = pytest.mark.slow

FILMS = {"training": 2, "validation": 2, "test": 2}


def write_films(folder):
    """Films of 448 pixels: one with the first label and one with the second, in each split."""
    rng = np.random.default_rng(0)
    datalist = {"labels": LABELS, "split": {"by": "patient", "seed": 0}}
    for split, count in FILMS.items():
        datalist[split] = []
        for index in range(count):
            label = [float(index == 0), float(index == 1)]
            name = f"{split}{index}"
            draw(rng, *label, size=448).save(folder / f"{name}.png")
            datalist[split].append({"image": f"{name}.png", "label": label, "patient_id": name})
    (folder / "datalist.json").write_text(json.dumps(datalist))


def test_training_enhancing_and_re_training(tmp_path):
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(0)
    # The configuration of google/vit-base-patch16-224-in21k is that of the class.
    ViTModel(ViTConfig(), add_pooling_layer=False).save_pretrained(tmp_path / "vit")
    write_public_layout(tmp_path / "ldm")
    data, base, enhanced = (tmp_path / name for name in ("data", "base", "enhanced"))
    data.mkdir()
    write_films(data)
    every = {"tracking_uri": "none"}
    training = {**every, "backbone": str(tmp_path / "vit"), "max_epochs": 1, "batch_size": 2}
    enhancing = {**every, "sr_model": str(tmp_path / "ldm"), "region_count": 1, "base_dir": str(base)}
    again = {"dataset_dir": str(enhanced), "base_dir": str(base), "output_dir": str(tmp_path / "retrained")}
    for workflow, settings in (
        ("training", {**training, "dataset_dir": str(data), "output_dir": str(base)}),
        ("enhancing", {**enhancing, "dataset_dir": str(data), "output_dir": str(enhanced)}),
        ("retraining", {**training, **again}),
    ):
        run_workflow(workflow, overlays=["paper"], overrides=settings)

    lines = [json.loads(line) for line in (enhanced / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == sum(FILMS.values()) and {line["enhancer"] for line in lines} == {"ldm"}
    for line in lines:
        before = np.asarray(Image.open(data / line["image"])) / 255
        after = np.asarray(Image.open(enhanced / line["image"])) / 65535
        ((top, left, bottom, right),) = line["boxes"]
        inside = np.zeros(before.shape, bool)
        inside[top:bottom, left:right] = True
        assert not np.allclose(before[inside], after[inside], atol=0.01)
        assert np.array_equal(before[~inside], after[~inside])
    state = torch.load(tmp_path / "retrained" / "checkpoint.pt", weights_only=True)
    assert sum(tensor.numel() for tensor in state["network"].values()) > 85e6
