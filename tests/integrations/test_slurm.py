"""The SLURM script, with small programs in place of SLURM's: its launcher runs two processes on this computer."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "integrations" / "slurm" / "workflow.sbatch"
PROGRAMS = {
    "scontrol": 'test "$*" = "show hostnames node[1-2]" && printf "127.0.0.1\\nnode2\\n"',
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',  # leaves its own options out
}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SLURM runs on Linux")


@pytest.fixture
def slurm(tmp_path):
    """Environment of a job of one node, with the programs that the script calls."""
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cxr_attention_sr").symlink_to(ROOT / "bundle")  # these sources, not an installed package
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "1"}
    job |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "1"}  # of the launcher
    job |= {"PROCESSES": "2", "SLURM_CPUS_PER_TASK": "2", "PYTHON": sys.executable}
    return {**os.environ, **job, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(tmp_path)}


def test_the_script_is_correct_bash():
    assert subprocess.run(["bash", "-n", str(SCRIPT)], capture_output=True, text=True).stderr == ""


def test_without_a_workflow_it_says_what_is_missing(slurm):
    done = subprocess.run(["bash", str(SCRIPT)], env=slurm, capture_output=True, text=True)
    assert done.returncode == 2 and "expected a workflow, found none" in done.stderr


def test_its_command_trains_one_model_with_two_processes(slurm, tiny, tmp_path):
    settings = {**tiny, "max_epochs": 1, "batch_size": 12}
    flags = [text for key, value in settings.items() for text in (f"--{key}", json.dumps(value))]
    command = ["bash", str(SCRIPT), "training", *flags]
    done = subprocess.run(command, cwd=ROOT, env=slurm, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    # The share of a process, 8 of 16 films, is smaller than a batch, and is a step all the same.
    (row,) = csv.DictReader((Path(tiny["output_dir"]) / "history.csv").open())
    assert float(row["train_loss"]) > 0
    assert (Path(tiny["output_dir"]) / "model" / "metadata.json").exists()
