"""A tiny backbone, and films of 64 pixels with a finding that 16 pixels show and one that they do not."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from scripts.data.fingerprints import TRAINING_IMAGES, file_fingerprint

os.environ["HF_HUB_OFFLINE"] = "1"

LABELS = ["Fine", "Large"]
SIZE, SOURCE = 64, 16
COUNTS = {"training": 48, "validation": 8, "test": 48}


def film(rng, fine, large):
    """(64, 64) in [0, 1]: a checkerboard of single pixels without a change of the mean; a brighter left half."""
    image = rng.uniform(0.35, 0.45, (SIZE, SIZE))
    image += fine * 0.2 * (np.indices((SIZE, SIZE)).sum(0) % 2 - 0.5)
    image[:, : SIZE // 2] += 0.2 * large
    return image


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """Folder with PNGs and their datalist."""
    folder, rng = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    datalist = {"labels": LABELS}
    for split, count in COUNTS.items():
        (folder / split).mkdir()
        datalist[split] = []
        for number in range(count):
            label = [number % 2, number // 2 % 2]
            Image.fromarray((film(rng, *label) * 255).astype(np.uint8)).save(folder / split / f"{number}.png")
            # A verdict needs at least 30 patients, so each test film has its own.
            patient = f"{split}{number if split == 'test' else number // 4}"
            item = {"image": f"{split}/{number}.png", "label": label, "patient_id": patient}
            datalist[split].append(item)
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    """Hugging Face folder of a ViT with random weights."""
    from transformers import ViTConfig, ViTModel

    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    ViTModel(ViTConfig(**sizes, image_size=32, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture
def seen(backbone, films, tmp_path):
    """The same backbone with a record that it was trained on three of the films."""
    folder = shutil.copytree(backbone, tmp_path / "seen")
    rows = b"".join(file_fingerprint(films / "test" / f"{number}.png") for number in range(3))
    save_file({"fingerprints": np.frombuffer(rows, np.uint8).reshape(3, -1)}, folder / TRAINING_IMAGES)
    return folder
