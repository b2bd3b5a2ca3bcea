"""The stages one after another, as the README runs them: train, enhance, re-train, evaluate, predict."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from scripts.cli import predict
from scripts.workflow import CONFIG_DIR, run_workflow

from .conftest import TINY

ROOT = CONFIG_DIR.parents[1]
QUICK = {"steps": 1, "window": 8, "region_count": 2, "working_size": None, "batch_size": 4}


def rows(path):
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def tree_hashes(folder):
    import hashlib

    files = sorted(path for path in folder.rglob("*") if path.is_file() and "examples" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def run(tmp_path_factory, data_dir):
    """Folder with base/, enhanced/ and retrained/, and the MLflow database beside them."""
    out = tmp_path_factory.mktemp("run")
    training = {"backbone": None, "architecture": TINY, "image_size": 32, "max_epochs": 1, "batch_size": 8}
    base = {"dataset_dir": str(data_dir), "output_dir": str(out / "base")}
    run_workflow("training", overrides={**training, **base})
    enhancing = {"dataset_dir": str(data_dir), "base_dir": str(out / "base"), "output_dir": str(out / "enhanced")}
    run_workflow("enhancing", overrides={**QUICK, **enhancing})
    retrained = {"dataset_dir": str(out / "enhanced"), "output_dir": str(out / "retrained")}
    run_workflow("retraining", overrides={**training, **retrained, "base_dir": str(out / "base")})
    run_workflow("evaluating", overrides={**base, "bootstrap": 40, "batch_size": 4})
    run_workflow("evaluating", overrides={**retrained, "base_dir": str(out / "base"), "bootstrap": 40})
    return out


def test_every_split_is_enhanced_and_the_comparison_is_of_the_same_cases(run):
    datalist = json.loads((run / "enhanced" / "datalist.json").read_text())
    assert [len(datalist[split]) for split in ("training", "validation", "test")] == [16, 6, 6]
    comparison = json.loads((run / "comparison.json").read_text())
    assert comparison["n_images"] == 6
    assert comparison["base_model_sha256"] != comparison["retrained_model_sha256"]


def test_mlflow_links_the_runs_of_a_pipeline(run):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{run / 'mlruns.db'}")
    (experiment,) = [found for found in client.search_experiments() if found.name != "Default"]
    runs = {found.data.tags["workflow"]: found for found in client.search_runs([experiment.experiment_id])}
    assert set(runs) >= {"training", "enhancing", "retraining", "evaluating"}
    assert all(found.info.status == "FINISHED" for found in runs.values())
    tags = runs["retraining"].data.tags
    assert runs["enhancing"].info.run_id in tags.values() and runs["training"].info.run_id in tags.values()
    assert not any("patient" in str(value).lower() for found in runs.values() for value in found.data.params.values())


def test_report_shows_both_models(run):
    from mlflow.tracking import MlflowClient
    from scripts.cli import report

    report(run)
    text = (run / "report.html").read_text()
    assert "Left Bright" in text and "Right Bright" in text and "<img" in text
    training = json.loads((run / "base" / "mlflow_runs.json").read_text())["training"]
    artifacts = MlflowClient(training["tracking_uri"]).list_artifacts(training["run_id"])
    assert "report.html" in [artifact.path for artifact in artifacts]


@pytest.fixture
def incoming(tmp_path, data_dir):
    """Three radiographs and a file that is none."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    for path in sorted((data_dir / "test").glob("*.png"))[:3]:
        shutil.copy(path, folder)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_predict_answers_for_every_input_and_says_what_it_refused(run, incoming, tmp_path):
    with pytest.raises(SystemExit) as stop:
        predict([incoming], out=tmp_path / "out", model=run / "base" / "model")
    assert stop.value.code == 1
    table = rows(tmp_path / "out" / "predictions.csv")
    assert [row["status"] for row in table] == ["ok", "ok", "ok", "NOT_IMAGE"]
    assert all(0 < float(row["Left Bright"]) < 1 for row in table[:3]) and table[3]["Left Bright"] == ""
    assert [row["code"] for row in rows(tmp_path / "out" / "failures.csv")] == ["NOT_IMAGE"]
    for folder in ("overlays", "enhanced"):
        assert len(list((tmp_path / "out" / folder).iterdir())) == 3

    (incoming / "broken.png").unlink()
    predict([incoming], out=tmp_path / "out", model=run / "base" / "model")
    assert not (tmp_path / "out" / "failures.csv").exists()


def test_predictions_equal_those_of_the_evaluation(run, data_dir, tmp_path):
    overrides = {"inputs": [str(data_dir / "test")], "model_dir": str(run / "base" / "model"), "enhance": False}
    run_workflow("inferring", overrides={**overrides, "output_dir": str(tmp_path / "out")})
    folders = (tmp_path / "out", run / "base")
    pairs = [json.loads((folder / "predictions.json").read_text())["items"] for folder in folders]
    logits = [{Path(item["image"]).name: item["logits"] for item in items} for items in pairs]
    assert logits[0].keys() == logits[1].keys() and len(logits[0]) == 6
    for name, values in logits[0].items():
        assert values == pytest.approx(logits[1][name], abs=2e-4)  # the cache of the evaluation holds 16 bits


def test_inference_is_tracked_without_a_path_of_an_image(run, data_dir, tmp_path):
    from mlflow.tracking import MlflowClient

    overrides = {"inputs": [str(data_dir / "test")], "model_dir": str(run / "base" / "model"), "enhance": False}
    run_workflow("inferring", overrides={**overrides, "output_dir": str(tmp_path / "out")})
    recorded = json.loads((tmp_path / "out" / "mlflow_runs.json").read_text())["inferring"]
    found = MlflowClient(recorded["tracking_uri"]).get_run(recorded["run_id"])
    assert found.info.status == "FINISHED" and found.data.metrics == {"n_candidates": 6, "n_refused": 0}
    assert (
        found.data.tags["model_run_id"]
        == json.loads((run / "base" / "mlflow_runs.json").read_text())["training"]["run_id"]
    )
    tracked = [tmp_path / "mlruns.db", *(path for path in (tmp_path / "mlruns").rglob("*") if path.is_file())]
    assert not any(str(data_dir / "test").encode() in path.read_bytes() for path in tracked)


def enhancing_command(run, data_dir, out, *launcher):
    settings = {**QUICK, "working_size": "null", "dataset_dir": data_dir, "base_dir": run / "base", "output_dir": out}
    settings["tracking_uri"] = "none"
    flags = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    return [sys.executable, *launcher, "-m", "bundle", "run", "enhancing", *flags]


def test_killed_enhancing_continues_to_the_same_files(run, data_dir, tmp_path):
    killed = subprocess.Popen(enhancing_command(run, data_dir, tmp_path), cwd=ROOT, stderr=subprocess.DEVNULL)
    manifest, deadline = tmp_path / "manifest.rank0.jsonl", time.monotonic() + 120
    while killed.poll() is None and not (manifest.exists() and manifest.read_bytes()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    overrides = {**QUICK, "dataset_dir": str(data_dir), "base_dir": str(run / "base"), "output_dir": str(tmp_path)}
    run_workflow("enhancing", overrides={**overrides, "tracking_uri": "none"})
    whole = tree_hashes(run / "enhanced")
    del whole["mlflow_runs.json"]
    assert tree_hashes(tmp_path) == whole


def test_two_processes_enhance_to_the_same_files(run, data_dir, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    command = [*enhancing_command(run, data_dir, tmp_path, *launcher), "--overlay", "multi_gpu"]
    # torchrun gives each process one thread; sums over another number of threads differ in their last bits.
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    whole = tree_hashes(run / "enhanced")
    del whole["mlflow_runs.json"]
    assert tree_hashes(tmp_path) == whole


def test_two_processes_predict_into_one_table(run, incoming, tmp_path):
    settings = {"inputs": [str(incoming)], "model_dir": run / "base" / "model", "steps": 1, "tracking_uri": "none"}
    for out, launcher, overlay in (
        ("one", (), ()),
        ("two", ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"), ("--overlay", "multi_gpu")),
    ):
        flags = [
            text
            for key, value in {**settings, "output_dir": tmp_path / out}.items()
            for text in (f"--{key}", str(value))
        ]
        command = [sys.executable, *launcher, "-m", "bundle", "run", "inferring", *flags, *overlay]
        environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (tmp_path / out for out in ("one", "two"))
    assert (one / "predictions.csv").read_text() == (two / "predictions.csv").read_text()
    assert (one / "failures.csv").read_text() == (two / "failures.csv").read_text()
    assert sorted(path.name for path in (one / "enhanced").iterdir()) == sorted(
        path.name for path in (two / "enhanced").iterdir()
    )
