"""The wheel works in an empty folder: built, unpacked and put on the path, without the repository."""

import configparser
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from scripts.phantom import write_phantom_studies

from .conftest import TINY

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder with the unpacked wheel, built from a copy, because a build leaves files in its source."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "bundle", source / "bundle", ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # The setuptools of this environment, so that the test needs no network.
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", ".."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.name.startswith("cxr_attention_sr-")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def command(site, tmp_path):
    """Runs the installed command in an empty folder, where the package is that of the wheel."""

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(site)}
        line = [sys.executable, "-P", "-m", "cxr_attention_sr", *map(str, arguments)]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


def test_every_file_of_the_bundle_is_in_the_wheel(site):
    def files(folder):
        return {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and not {"__pycache__", "outputs"} & set(path.parts)
        }

    assert files(site / "cxr_attention_sr") == files(ROOT / "bundle")
    (scripts,) = site.glob("*.dist-info/entry_points.txt")
    assert "cxr-attention-sr = cxr_attention_sr.__main__:main" in scripts.read_text()
    assert sorted(path.name.partition("-")[0] for path in site.iterdir()) == ["cxr_attention_sr", "cxr_attention_sr"]


def test_info(command):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = json.loads(command("info", "--json"))
    assert found["version"] == setup["metadata"]["version"] and len(found["labels"]) == 14


def test_prediction_with_the_model_that_ships(command, tmp_path):
    write_phantom_studies(tmp_path / "studies", n_patients=1, size=256, seed=0)
    command("predict", "studies", "--out", "out")
    rows = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    assert len(rows) >= 2 and ",ok," in rows[1]
    assert list((tmp_path / "out" / "enhanced").iterdir()) and not (tmp_path / "out" / "failures.csv").exists()


def test_training_on_phantoms(command, tmp_path):
    command("phantoms", "data", "--patients", "24", "--size", "64")
    settings = {"architecture": json.dumps(TINY), "backbone": "null", "image_size": "32", "batch_size": "4"}
    flags = [text for key, value in settings.items() for text in (f"--{key}", value)]
    command("run", "training", "--dataset_dir", "data", "--max_epochs", "1", *flags)
    assert (tmp_path / "outputs" / "base" / "model" / "model.safetensors").is_file()
