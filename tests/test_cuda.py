"""The workflows on a GPU give what they give on the CPU. Without a GPU these tests are skipped."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scripts.dicom import read_radiograph
from scripts.workflow import CONFIG_DIR, run_workflow

ROOT = CONFIG_DIR.parents[1]
DEVICES = ("cpu", "cuda")

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use; there is none"),
]


def rows(path):
    with Path(path).open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def trained(tiny, tmp_path):
    """Output folder of a training on each device."""
    folders = {device: tmp_path / device / "base" for device in DEVICES}
    for device, folder in folders.items():
        run_workflow("training", overrides={**tiny, "output_dir": str(folder), "device": device})
    return folders


def test_a_training_ends_as_on_the_cpu(trained):
    cpu, gpu = (rows(trained[device] / "history.csv") for device in DEVICES)
    for one, other in zip(cpu, gpu, strict=True):
        for name in ("train_loss", "val_loss"):
            assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_training_in_half_precision_ends_near_that_on_the_cpu(tiny, tmp_path, precision):
    losses = []
    for device, kind in (("cpu", "fp32"), ("cuda", precision)):
        overrides = {**tiny, "output_dir": str(tmp_path / device), "device": device, "precision": kind}
        run_workflow("training", overrides=overrides)
        losses.append(float(rows(tmp_path / device / "history.csv")[-1]["val_loss"]))
    assert losses[0] == pytest.approx(losses[1], abs=0.05)


def test_a_compiled_training_ends_as_one_that_is_not(trained, tiny, tmp_path):
    run_workflow("training", overrides={**tiny, "output_dir": str(tmp_path), "device": "cuda", "compile": True})
    plain, fast = rows(trained["cuda"] / "history.csv"), rows(tmp_path / "history.csv")
    assert float(plain[-1]["val_loss"]) == pytest.approx(float(fast[-1]["val_loss"]), abs=1e-2)


def test_enhanced_images_are_those_of_the_cpu(trained, tiny, tmp_path):
    lines = {}
    for device in DEVICES:
        settings = {"dataset_dir": tiny["dataset_dir"], "base_dir": str(trained["cpu"]), "device": device}
        settings |= {"window": 8, "region_count": 2, "steps": 2, "precision": "fp32", "tracking_uri": "none"}
        run_workflow("enhancing", overrides={**settings, "output_dir": str(tmp_path / device / "enhanced")})
        text = (tmp_path / device / "enhanced" / "manifest.jsonl").read_text()
        lines[device] = [json.loads(line) for line in text.splitlines()]
    for one, other in zip(lines["cpu"], lines["cuda"], strict=True):
        assert one["boxes"] == other["boxes"]
        images = [read_radiograph(tmp_path / device / "enhanced" / one["output"]).image for device in DEVICES]
        assert np.abs(images[0] - images[1]).max() < 0.01


def test_probabilities_are_those_of_the_cpu(trained, tiny, tmp_path):
    tables = []
    for device in DEVICES:
        settings = {"inputs": [str(Path(tiny["dataset_dir"]) / "test")], "enhance": False, "tracking_uri": "none"}
        settings |= {"model_dir": str(trained["cpu"] / "model"), "device": device}
        run_workflow("inferring", overrides={**settings, "output_dir": str(tmp_path / f"predicted-{device}")})
        tables.append(rows(tmp_path / f"predicted-{device}" / "predictions.csv"))
    for one, other in zip(*tables, strict=True):
        for label in ("Left Bright", "Right Bright"):
            assert float(one[label]) == pytest.approx(float(other[label]), abs=2e-3)  # TF32 in convolutions


def test_one_process_for_each_gpu_trains_one_model(tiny):
    gpus = torch.cuda.device_count()
    flags = [text for key, value in tiny.items() for text in (f"--{key}", json.dumps(value))]
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={gpus}"),
        *("-m", "bundle", "run", "training", "--overlay", "multi_gpu", *flags),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(rows(Path(tiny["output_dir"]) / "history.csv")) == 2
