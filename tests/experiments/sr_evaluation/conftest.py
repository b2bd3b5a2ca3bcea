"""High-resolution films and a tiny diffusion model for the sr_evaluation workflow."""

import json

import numpy as np
import pytest
from PIL import Image

from ...super_resolution.tiny_ldm import write_tiny_ldm
from .synthetic import film

SIDES = {"training": (128, 128), "validation": (256, 256), "test": (256, 256, 192)}


@pytest.fixture(scope="session")
def high_res(tmp_path_factory):
    """Films to train, to choose and to test on, these of two sizes and beside a file that is no image."""
    folder = tmp_path_factory.mktemp("high_res")
    datalist = {"labels": []}
    for split, sides in SIDES.items():
        datalist[split] = []
        for number, side in enumerate(sides):
            pixels = (film(side, side, seed=len(split) * 10 + number)[0].numpy() * 65535).astype(np.uint16)
            name = f"{split}{number}.png"
            Image.fromarray(pixels).save(folder / name)
            datalist[split].append({"image": name, "label": [], "patient_id": f"secret_{name}"})
    (folder / "broken.png").write_bytes(b"no image")
    datalist["test"].append({"image": "broken.png", "label": [], "patient_id": "secret3"})
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


@pytest.fixture(scope="session")
def ldm(tmp_path_factory):
    return write_tiny_ldm(tmp_path_factory.mktemp("ldm"))


def settings(high_res, ldm, output_dir, **changes):
    """Overrides of sr_evaluation.yaml for a run of a second."""
    return {
        "dataset_dir": str(high_res), "output_dir": str(output_dir), "sr_model": str(ldm), "steps": 2, "seeds": 2,
        "sizes": [256, 128, None], "window": 16, "region_count": 3, "bootstrap": 100,
        "enhancers": ["bicubic", "native", "ldm"], **changes,
    }  # fmt: skip
