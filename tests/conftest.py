"""Small radiograph-like data with known labels, and settings that make every workflow take seconds."""

import json
import logging
import os
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"
# The hashes that the tests keep are not those of the user who runs them.
_KEPT = tempfile.TemporaryDirectory(prefix="cxr-tests-")
os.environ["CXR_CACHE"] = _KEPT.name

LABELS = ["Left Bright", "Right Bright"]
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def draw(rng, left, right, size=64):
    """A noisy picture whose left or right half is brighter where the label says so."""
    image = rng.uniform(0.3, 0.5, (size, size))
    image[:, : size // 2] += 0.3 * left
    image[:, size // 2 :] += 0.3 * right
    return Image.fromarray((image * 255).astype(np.uint8))


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Path:
    """A folder with 8-bit PNGs and their datalist: 16 training, 6 validation and 6 test patients."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    datalist = {"labels": LABELS, "split": {"by": "patient", "seed": 0}}
    for split, count in (("training", 16), ("validation", 6), ("test", 6)):
        items = []
        for index in range(count):
            label = [float(index % 2), float(index // 2 % 2)]
            path = folder / split / f"{index:02}.png"
            path.parent.mkdir(exist_ok=True)
            draw(rng, *label).save(path)
            items.append({"image": f"{split}/{index:02}.png", "label": label, "patient_id": f"{split}{index}"})
        datalist[split] = items
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


class Killed(BaseException):
    """Stands for ``kill -9``: nothing of ours catches it."""


@pytest.fixture
def killed_in_epoch_three(monkeypatch):
    """A context in which a training is killed at the start of its third epoch."""
    from scripts.training import EpochSeed

    @contextmanager
    def context():
        seed_epoch = EpochSeed.__call__

        def kill_in_epoch_three(self, engine):
            if engine.state.epoch == 3:
                raise Killed
            seed_epoch(self, engine)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(EpochSeed, "__call__", kill_in_epoch_three)
            yield

    return context


@pytest.fixture
def tiny(tmp_path, data_dir) -> dict:
    """Overrides of train.yaml for a run of seconds in ``tmp_path``."""
    return {
        "dataset_dir": str(data_dir),
        "output_dir": str(tmp_path / "base"),
        "backbone": None,
        "architecture": TINY,
        "image_size": 32,
        "max_epochs": 2,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "precision": "fp32",
        "tracking_uri": "none",
    }


@pytest.fixture(scope="module")
def browser():
    """Chromium, driven by Playwright; tests of pages are skipped where one of them is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium: a Debian package")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def as_a_command():
    """The settings of the process that our commands make at their start, for one test."""
    from scripts.common.program_start import start_program

    factory, loggers = logging.getLogRecordFactory(), [logging.getLogger(name) for name in ("highdicom", "pydicom")]
    levels = [one.level for one in loggers]
    with warnings.catch_warnings():
        start_program()
        yield
    logging.setLogRecordFactory(factory)
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)
