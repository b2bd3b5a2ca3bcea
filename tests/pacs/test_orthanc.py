"""A real PACS, where it is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ..dicom.objects.conformant import needs_dciodvfy
from .orthanc import needs_orthanc

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def facts(model_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("orthanc")
    command = ["unshare", "-rn", sys.executable, "-m", "tests.pacs.orthanc_round_trip", str(model_dir), str(folder)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'bundle'}:{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_orthanc
def test_study_goes_to_the_pacs_and_back(facts):
    assert facts["kinds"] == ["attention", "attention_map", "enhanced", "findings", "regions"]
    assert facts["same_pixels"] == dict.fromkeys(["attention", "attention_map", "enhanced", "regions"], True)
    assert facts["same_report"]
    assert facts["stored_again"] == 0


@needs_orthanc
@needs_dciodvfy
def test_what_the_pacs_gives_back_has_no_errors(facts):
    assert facts["errors"] == {kind: [] for kind in facts["kinds"]}


@needs_orthanc
def test_every_route_has_the_probabilities_of_the_files(facts):
    np.testing.assert_allclose(facts["single"], facts["files"][:1], atol=1e-5)
    np.testing.assert_allclose(np.array(facts["watch_percent"]) / 100, facts["files"][1], atol=1e-5)


@needs_orthanc
def test_watching_and_receiving_add_what_is_missing_and_nothing_twice(facts):
    assert facts["watch_stored"] == 5 and facts["watch_modalities"] == ["DX", "DX", "OT", "OT", "SEG", "SR"]
    assert facts["grown_stored"] == [5, 0]
    assert facts["receive_new"] == 0 and facts["receive_left"] == []
