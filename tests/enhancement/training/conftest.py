"""Synthetic crops and settings for trainings of seconds."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.data.datalist import load_datalist

SMALL = {
    "crop_size": 32,
    "batch_size": 2,
    "autoencoder_channels": (8, 8, 16),
    "codes": 32,
    "unet_channels": (16, 32),
    "crops_per_megapixel": 500.0,
}


def texture(seed, size=80):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    waves = sum(np.sin(2 * np.pi * (a * rows + b * columns + c)) for a, b, c in rng.uniform(0, 8, (4, 3)))
    return (0.5 + 0.1 * waves).clip(0, 1)


@pytest.fixture(scope="session")
def crops():
    return torch.stack([torch.from_numpy(texture(seed, 32)).float()[None] for seed in range(12)])


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
