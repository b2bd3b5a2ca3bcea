"""The application in the SDK's own runner: results are the predictor's, and what was refused is in the exit status."""

import csv
import os
import subprocess

import numpy as np
import pydicom
import pytest

from .conftest import ROOT, environment

INTEGRATION = ROOT / "integrations" / "monai_deploy"


def run_app(studies, output):
    """The application's process."""
    output.mkdir()
    command = [environment("deploy"), INTEGRATION / "app", "-i", studies, "-o", output]
    settings = {**os.environ, "PYTHONPATH": str(INTEGRATION / "startup")}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def result(films, tmp_path_factory):
    output = tmp_path_factory.mktemp("deploy") / "out"
    return run_app(films, output), output


def test_probabilities_are_the_predictors(result, expected):
    _, output = result
    with (output / "predictions.csv").open() as file:
        rows = {os.path.basename(row["image"]).split(".")[0]: row for row in csv.DictReader(file)}
    for film, prediction in expected.items():
        found = [float(rows[film][label]) for label in prediction.labels]
        assert rows[film]["status"] == "ok" and np.allclose(found, prediction.probabilities, atol=1e-5)


def test_what_was_refused_is_named_and_in_the_exit_status(result):
    process, output = result
    with (output / "failures.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert process.returncode == 1 and "broken.png" in row["path"]


def test_every_film_has_its_objects(result):
    classes = sorted(pydicom.dcmread(path).SOPClassUID.name for path in (result[1] / "dicom").rglob("*.dcm"))
    assert len(classes) == 40 and len(set(classes)) == 5


def test_a_folder_without_an_image_fails_with_its_reason(tmp_path):
    (tmp_path / "empty").mkdir()
    process = run_app(tmp_path / "empty", tmp_path / "out")
    assert process.returncode != 0 and "no image below" in process.stderr + process.stdout
