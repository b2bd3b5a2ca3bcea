"""Synthetic crops and settings for trainings of seconds."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.data.datalist import Datalist, load_datalist
from scripts.sr_training import Degradation, SrSettings
from scripts.sr_training.batches import Batches
from scripts.sr_training.run import Run
from scripts.super_resolution.networks.regression_network import RegressionNetwork

NO_DATALIST = Datalist([], {})
SMALL = {
    "crop_size": 32,
    "guided_crop_size": 64,
    "batch_size": 2,
    "max_steps": 2,
    "ceiling_margin": None,
    "autoencoder_width": 8,
    "autoencoder_blocks": 1,
    "codes": 32,
    "unet_channels": (16, 32),
    "regression_width": 8,
    "regression_blocks": 1,
    "crops_per_megapixel": 500.0,
    "precision": "fp32",
}


def texture(seed, size=80):
    """Areas with sharp borders: what interpolation blurs, and a network can learn."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    waves = sum(np.sin(2 * np.pi * (a * rows + b * columns + c)) for a, b, c in rng.uniform(0, 2.5, (4, 3)))
    return 0.5 + 0.3 * np.tanh(4 * waves)


@pytest.fixture(scope="session")
def crops():
    return torch.stack([torch.from_numpy(texture(seed, 32)).float()[None] for seed in range(12)])


@pytest.fixture(scope="session")
def batches(crops):
    """Four crops a step, some of them as a detector would reduce them."""
    return Batches(crops, Degradation(), 4, torch.device("cpu"))


@pytest.fixture(scope="session")
def sr_datalist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sr")
    content = {"labels": []}
    for split, count in (("training", 4), ("validation", 2)):
        items = []
        for index in range(count):
            name = f"{split}{index}.png"
            Image.fromarray((texture(len(split) * 10 + index) * 255).astype(np.uint8)).save(folder / name)
            items.append({"image": name, "label": [], "patient_id": name})
        content[split] = items
    (folder / "datalist.json").write_text(json.dumps(content))
    return load_datalist(folder / "datalist.json")


@pytest.fixture
def regression():
    """A regression network that adds something to bicubic interpolation."""
    torch.manual_seed(0)
    network = RegressionNetwork(width=8, blocks=1).eval().requires_grad_(False)
    torch.nn.init.normal_(network.exit.weight, std=0.01)
    return network


@pytest.fixture
def make_run(crops, tmp_path):
    """A training run on synthetic crops, by default without a datalist."""

    def make(datalist=NO_DATALIST, **settings):
        chosen = SrSettings(**{**SMALL, **settings})
        return Run(
            chosen, Degradation(), crops, crops[:3], tmp_path, chosen.decisive(), lambda metrics, step: None, datalist
        )

    return make
