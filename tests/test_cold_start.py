"""What a command does not need is not imported: MONAI alone takes longer than the prediction of a film."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scripts.dicom import write_png16

from .report.test_report import run_dir
from .test_cli import tiny_model

__all__ = ["run_dir"]

ROOT = Path(__file__).parents[1]
PROGRAM = (
    "import sys\nfrom bundle.scripts.cli import main\n"
    "try:\n    main()\nexcept SystemExit as stop:\n    print('status', stop.code)\n"
    "print('loaded', *sorted(sys.modules))"
)


def loaded_by(*arguments):
    """Modules that a command loads; the command must succeed."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    *said, loaded = done.stdout.splitlines()
    assert "status 0" in said or "status None" in said, done.stdout + done.stderr
    return set(loaded.split())


@pytest.mark.parametrize("options", [["--no-enhance"], ["--enhancer", "bicubic"]], ids=["plain", "enhanced"])
def test_a_prediction_needs_neither_monai_nor_diffusers_nor_mlflow(tmp_path, options):
    write_png16(np.random.default_rng(0).random((80, 80)), tmp_path / "film.png")
    model = tiny_model(tmp_path)
    film = tmp_path / "film.png"
    command = ["predict", film, "--out", tmp_path / "out", "--model", model, "--device", "cpu", *options]
    assert not {"monai", "ignite", "diffusers", "mlflow"} & loaded_by(*command)
    assert (tmp_path / "out" / "predictions.csv").exists()


@pytest.mark.parametrize("command", ["info", "check", "datalist", "report"])
def test_commands_about_files_do_not_load_torch(tmp_path, data_dir, run_dir, command):
    films = tmp_path / "films"
    films.mkdir()
    write_png16(np.random.default_rng(0).random((80, 80)), films / "film.png")
    arguments = {
        "info": [],
        "check": [data_dir / "datalist.json"],
        "datalist": [films, "--out", tmp_path / "datalist.json"],
        "report": [run_dir, "--tracking", "none"],
    }
    assert not {"torch", "monai"} & loaded_by(command, *arguments[command])
