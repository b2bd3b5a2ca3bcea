"""Every workflow end to end, in this process, on data of seconds."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from scripts.workflow import CONFIG_DIR, run_workflow

ROOT = CONFIG_DIR.parents[1]


def rows(path):
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def flags(overrides):
    """Command-line form; MONAI drops a plain None, and takes ``$None`` for one."""
    pairs = {key: "$None" if value is None else value for key, value in overrides.items()}
    return [text for key, value in pairs.items() for text in (f"--{key}", str(value))]


def weights(output_dir):
    return torch.load(Path(output_dir) / "checkpoint.pt", weights_only=True)


def assert_same(left, right):
    for part in ("network", "ema"):
        assert left[part].keys() == right[part].keys()
        for name in left[part]:
            assert torch.equal(left[part][name], right[part][name]), f"{part}: {name}"


def test_training_leaves_a_model_that_knows_its_labels(tiny):
    run_workflow("training", overrides=tiny)
    out = Path(tiny["output_dir"])
    assert [row["epoch"] for row in rows(out / "history.csv")] == ["1", "2"]
    metadata = json.loads((out / "model" / "metadata.json").read_text())
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert list(channels.values()) == ["Left Bright", "Right Bright"]
    report = json.loads((out / "run_report.json").read_text())
    assert report["versions"]["monai"] and report["config"]["max_epochs"] == 2


def test_killed_and_resumed_run_ends_with_the_same_weights(tiny, tmp_path, killed_in_epoch_three):
    whole = {**tiny, "max_epochs": 4, "output_dir": str(tmp_path / "whole")}
    run_workflow("training", overrides=whole)

    killed = {**whole, "output_dir": str(tmp_path / "killed")}
    with killed_in_epoch_three():
        run_workflow("training", overrides=killed)
    assert weights(killed["output_dir"])["position"]["epoch"] == 2
    run_workflow("training", overrides=killed)

    assert_same(weights(whole["output_dir"]), weights(killed["output_dir"]))
    pick = ("epoch", "train_loss", "val_loss", "val_macro_auroc", "lr")
    tables = [rows(Path(run["output_dir"]) / "history.csv") for run in (whole, killed)]
    assert [[row[k] for k in pick] for row in tables[0]] == [[row[k] for k in pick] for row in tables[1]]


def test_checkpoint_of_other_settings_is_refused(tiny):
    run_workflow("training", overrides=tiny)
    with pytest.raises(ValueError, match=r"learning_rate: expected 0\.01, found 0\.001"):
        run_workflow("training", overrides={**tiny, "learning_rate": 1e-2})


def test_checkpoint_that_cannot_be_had_says_what_to_do(tiny):
    """The error is ours, not that of the network library below it."""
    with pytest.raises(FileNotFoundError, match=r"someone/no-model: .* set --backbone FOLDER"):
        run_workflow("training", overrides={**tiny, "backbone": "someone/no-model", "architecture": None})


def test_unreadable_image_is_named_and_costs_nothing_else(tiny, tmp_path, data_dir):
    folder = tmp_path / "data"
    folder.mkdir()
    datalist = json.loads((data_dir / "datalist.json").read_text())
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            item["image"] = str(data_dir / item["image"])
    (folder / "broken.png").write_bytes(b"not a picture")
    datalist["training"][0]["image"] = str(folder / "broken.png")
    (folder / "datalist.json").write_text(json.dumps(datalist))
    run_workflow("training", overrides={**tiny, "dataset_dir": str(folder), "max_epochs": 1})
    failures = rows(Path(tiny["output_dir"]) / "cache" / "failures.csv")
    assert [Path(row["path"]).name for row in failures] == ["broken.png"]


@pytest.mark.parametrize("folder", [ROOT, ROOT / "bundle"])
def test_monai_form_of_the_command(tiny, folder):
    """One subprocess per working folder: the forms that the README names."""
    config = (ROOT / "bundle" if folder == ROOT else Path()) / "configs" / "train.yaml"
    overrides = {**tiny, "max_epochs": 1, "bundle_root": "bundle" if folder == ROOT else "."}
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", str(config), *flags(overrides)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (Path(tiny["output_dir"]) / "model" / "metadata.json").exists()


def test_mistyped_override_is_refused_by_the_command():
    command = [sys.executable, "-m", "bundle", "run", "training", "--mx_epochs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "did you mean 'max_epochs'" in done.stderr


def test_two_processes_train_one_model(tiny):
    overrides = {**tiny, "max_epochs": 1, "bundle_root": str(ROOT / "bundle")}
    files = [str(CONFIG_DIR / "train.yaml"), str(CONFIG_DIR / "multi_gpu.yaml")]
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
        *("-m", "monai.bundle", "run", "training", "--config_file", str(files), *flags(overrides)),
    ]
    done = subprocess.run(command, cwd=ROOT / "bundle", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(rows(Path(tiny["output_dir"]) / "history.csv")) == 1


def test_labels_of_any_spelling_are_trained_evaluated_and_tracked(tiny, tmp_path, data_dir):
    datalist = json.loads((data_dir / "datalist.json").read_text())
    datalist["labels"] = labels = ['Nodule [<6 mm] = "small"', "$(touch x) <b>'large'</b>"]
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            item["image"] = str(data_dir / item["image"])
    (tmp_path / "datalist.json").write_text(json.dumps(datalist))
    del tiny["tracking_uri"]
    overrides = {**tiny, "dataset_dir": str(tmp_path), "max_epochs": 1}
    run_workflow("training", overrides=overrides)
    run_workflow("evaluating", overrides={**overrides, "bootstrap": 40})
    metrics = json.loads((tmp_path / "base" / "metrics.json").read_text())
    assert list(metrics["labels"]) == labels


def content_of(folder):
    return {path: path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def test_a_rejected_resume_changes_no_file(tiny):
    tiny = {**tiny, "tracking_uri": f"sqlite:///{tiny['output_dir']}/../mlruns.db"}
    run_workflow("training", overrides=tiny)
    before = content_of(tiny["output_dir"])
    with pytest.raises(ValueError, match="other settings"):
        run_workflow("training", overrides={**tiny, "learning_rate": 1e-2})
    assert content_of(tiny["output_dir"]) == before


def test_a_second_training_in_the_folder_is_rejected(tiny, monkeypatch):
    import fcntl

    folder = Path(tiny["output_dir"])
    folder.mkdir()
    with (folder / ".training.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match=f"output_dir: {folder}: another run"):
            run_workflow("training", overrides=tiny)
        assert sorted(path.name for path in folder.iterdir()) == [".training.lock"]


def test_images_that_change_under_a_checkpoint_are_noticed(tiny, tmp_path, data_dir, capsys):
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    tiny = {**tiny, "dataset_dir": str(folder), "max_epochs": 1}
    run_workflow("training", overrides=tiny)
    (folder / "training" / "00.png").write_bytes((folder / "training" / "01.png").read_bytes())
    # The leak check would find a copy across splits; within a split, only the checkpoint notices.
    with pytest.raises(ValueError, match="images have changed since the checkpoint"):
        run_workflow("training", overrides=tiny)
    path = Path(tiny["output_dir"]) / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    del state["images"]
    torch.save(state, path)
    run_workflow("training", overrides=tiny)
    assert "changes of the images are not checked" in capsys.readouterr().out


def test_a_finished_run_without_its_model_is_an_error(tiny):
    run_workflow("training", overrides={**tiny, "max_epochs": 1})
    shutil.rmtree(Path(tiny["output_dir"]) / "model")
    with pytest.raises(ValueError, match="model: missing; expected the model of epoch 1"):
        run_workflow("training", overrides={**tiny, "max_epochs": 1})


def test_a_training_that_selects_no_model_is_an_error(tiny, monkeypatch):
    monkeypatch.setattr("scripts.metrics.masked_auroc.MacroAUROC.compute", lambda _: float("nan"))
    with pytest.raises(ValueError, match="training ended without a model; expected an epoch with a finite val_macro"):
        run_workflow("training", overrides={**tiny, "max_epochs": 1})


@pytest.mark.parametrize("change", [{"learning_rate": -1}, {"max_epochs": 1.5}, {"patience": None}])
def test_a_setting_out_of_range_is_rejected_before_anything_is_written(tiny, change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))}: not allowed"):
        run_workflow("training", overrides={**tiny, **change})
    assert not Path(tiny["output_dir"]).exists()


@pytest.mark.parametrize("debug", [False, True])
def test_monai_form_of_the_command_reports_an_error_as_one_line(tiny, debug):
    config = ROOT / "bundle" / "configs" / "train.yaml"
    change = {"output_dir": "~/out"} if debug else {"ema_decay": 2}
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", str(config)]
    environment = {**os.environ, "CXR_DEBUG": str(int(debug))}
    done = subprocess.run(
        [*command, *flags({**tiny, **change})], cwd=ROOT / "bundle", capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1 and ("Traceback" in done.stderr) == debug, done.stderr[-2000:]
    if debug:
        assert "output_dir: ~ is not replaced here" in done.stderr
    else:
        expected = "error: ema_decay: not allowed; expected a number of at least 0 and below 1, found 2"
        assert done.stderr.splitlines()[-1].startswith(expected)


def test_a_full_disk_in_training_is_one_line_and_the_run_continues_later(tiny, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr("scripts.training.best_model.save_vit_multilabel", full)
        with pytest.raises(OSError, match=rf"^{tiny['output_dir']}: could not be written .*so far is kept: free"):
            run_workflow("training", overrides=tiny)
    run_workflow("training", overrides=tiny)
    assert len(rows(Path(tiny["output_dir"]) / "history.csv")) == 2


def test_the_tracking_of_monai_records_beside_ours(tiny, tmp_path):
    from mlflow.tracking import MlflowClient
    from monai.bundle import ConfigWorkflow

    uri = f"sqlite:///{tmp_path / 'mlruns.db'}"
    overrides = {**tiny, "tracking_uri": uri, "bundle_root": str(ROOT / "bundle")}
    job = ConfigWorkflow(
        config_file=str(CONFIG_DIR / "train.yaml"), tracking="mlflow", workflow_type="train", **overrides
    )
    job.initialize()
    job.run()
    client = MlflowClient(uri)
    for name, metric in (("monai_experiment", "train_loss"), ("cxr-attention-sr", "val_macro_auroc")):
        (run,) = client.search_runs([client.get_experiment_by_name(name).experiment_id])
        assert run.info.status == "FINISHED" and metric in run.data.metrics
    assert not list(Path(tiny["output_dir"]).glob("config_*.json"))
