"""Several seeds of one training: ``run training --seeds 3``, and their evaluation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scripts.cli import app
from scripts.overrides import Expression
from scripts.report.report import publish_report
from scripts.seed_runs import run_seeds
from scripts.workflow import run_workflow
from typer.testing import CliRunner

from .test_workflows import ROOT, flags


@pytest.fixture
def ran(monkeypatch):
    """Workflows are recorded instead of run; each leaves the folder that a training would leave."""
    calls = []

    def record(workflow, *, overlays=(), overrides=None):
        calls.append((workflow, dict(overrides or {})))
        if isinstance(overrides["output_dir"], Path):
            model = overrides["output_dir"] / "model"
            model.mkdir(parents=True, exist_ok=True)
            (model / "model.safetensors").touch()
        return {key: getattr(value, "code", value) for key, value in overrides.items()}

    monkeypatch.setattr("scripts.seed_runs.run_workflow", record)
    return calls


@pytest.fixture
def folders(tmp_path, ran):
    """Base and re-trained folders with two seeds each."""
    base, retrained = tmp_path / "base", tmp_path / "retrained"
    run_seeds("training", seeds=2, overrides={"output_dir": base})
    run_seeds("retraining", seeds=2, overrides={"output_dir": retrained, "base_dir": base})
    return base, retrained


def test_each_seed_has_a_folder_and_shares_the_decoded_images(folders, ran):
    base, retrained = folders
    assert [overrides["output_dir"] for _, overrides in ran] == [
        folder / f"seed_{seed}" for folder in (base, retrained) for seed in (0, 1)
    ]
    assert [overrides["seed"] for _, overrides in ran] == [0, 1, 0, 1]
    assert all(overrides["keep"] == "last" for _, overrides in ran)
    assert {overrides["cache_dir"] for _, overrides in ran} == {base / "cache", retrained / "cache"}
    assert len({overrides["tracking_uri"] for _, overrides in ran}) == 1
    assert ran[3][1]["base_dir"] == base / "seed_1"


def test_what_the_user_sets_is_kept(ran, tmp_path):
    given = {"output_dir": Expression(str(tmp_path)), "seed": Expression(5), "max_epochs": 2, "cache_dir": "c"}
    run_seeds("training", seeds=2, overrides=given)
    assert [(own["seed"], own["max_epochs"], own["cache_dir"]) for _, own in ran] == [(5, 2, "c"), (6, 2, "c")]


def test_the_best_epoch_of_several_seeds_is_refused(ran, tmp_path):
    with pytest.raises(ValueError, match=r"keep: trainings of several seeds .* expected last, found 'best'"):
        run_seeds("training", seeds=2, overrides={"output_dir": tmp_path, "keep": "best"})
    assert ran == []


def test_without_seeds_it_is_one_ordinary_run(ran, tmp_path):
    run_seeds("training", overrides={"output_dir": tmp_path})
    run_seeds("evaluating", overrides={"output_dir": Expression("$@base_dir")})
    assert ran == [
        ("training", {"output_dir": tmp_path}),
        ("evaluating", {"output_dir": Expression("$@base_dir")}),
    ]


def test_evaluation_finds_the_seeds_and_compares_the_arms(folders, ran, monkeypatch):
    compared = []
    monkeypatch.setattr(
        "scripts.evaluation.comparing.compare_and_record", lambda *arms, **how: compared.append((arms, how))
    )
    base, retrained = folders
    del ran[:]
    run_seeds("calibrating", overrides={"output_dir": base})
    overrides = {"output_dir": retrained, "base_dir": base, "bootstrap": Expression(40), "tracking_uri": "none"}
    run_seeds("evaluating", overrides=overrides)
    assert [(workflow, own["output_dir"].name) for workflow, own in ran] == [
        (workflow, f"seed_{seed}") for workflow in ("calibrating", "evaluating") for seed in (0, 1)
    ]
    assert not any("base_dir" in own for _, own in ran)
    assert compared == [((base, retrained), {"bootstrap": 40, "seed": 0, "tracking_uri": "none"})]


def test_a_model_that_is_named_is_evaluated_alone(folders, ran):
    del ran[:]
    run_seeds("evaluating", overrides={"output_dir": folders[0], "model_dir": "somewhere"})
    assert len(ran) == 1


@pytest.mark.parametrize(
    ("workflow", "seeds", "changes", "message"),
    [
        (
            "retraining",
            3,
            {},
            r"base_dir: .*base: other seeds; expected seeds 0, 1, 2 .* found seeds 0, 1; train the base",
        ),
        ("retraining", 2, {"base_dir": "nowhere"}, r"nowhere: other seeds; .* found no seeds"),
        ("training", 1, {}, r"retrained: also holds seeds 1; expected only seeds 0; raise --seeds"),
        ("training", None, {}, r"retrained: holds seeds 0, 1; expected the folder of a single training"),
        ("training", 0, {}, r"seeds: not allowed; expected a whole number of at least 1, found 0"),
        (
            "training",
            2,
            {"output_dir": Expression("$@base_dir")},
            r"output_dir: expected a path .* found '\$@base_dir'",
        ),
        ("training", 2, {"seed": Expression("$1")}, r"seed: expected a number with --seeds"),
        ("evaluating", 3, {}, r"retrained: expected 3 trainings, found seeds 0, 1"),
    ],
)
def test_what_does_not_fit_is_rejected_by_name(workflow, seeds, changes, message, folders, ran):
    base, retrained = folders
    del ran[:]
    with pytest.raises(ValueError, match=message):
        run_seeds(workflow, seeds=seeds, overrides={"output_dir": retrained, "base_dir": base} | changes)
    assert ran == []


def test_a_folder_with_one_training_takes_no_seeds(ran, tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(ValueError, match="holds a single training"):
        run_seeds("training", seeds=2, overrides={"output_dir": tmp_path})


def test_an_unfinished_training_is_not_evaluated(folders, ran):
    (folders[0] / "seed_1" / "model" / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"seed_1: training not finished; .* run the training again"):
        run_seeds("evaluating", overrides={"output_dir": folders[0]})


def test_the_command_line_passes_seeds_on(ran, tmp_path):
    done = CliRunner().invoke(app, ["run", "training", "--seeds", "2", "--output_dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert [own["seed"] for _, own in ran] == [0, 1]


def test_the_command_of_monai_rejects_seeds(tiny):
    overrides = flags({**tiny, "seeds": 2, "bundle_root": str(ROOT / "bundle")})
    config = str(ROOT / "bundle" / "configs" / "train.yaml")
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", config, *overrides]
    done = subprocess.run(command, cwd=ROOT / "bundle", capture_output=True, text=True)
    assert done.returncode == 1
    assert "--seeds: not known to this command" in done.stderr and "Traceback" not in done.stderr


def test_seeds_from_training_to_comparison(tiny, tmp_path, killed_in_epoch_three):
    del tiny["tracking_uri"]
    tiny = {**tiny, "max_epochs": 3}
    base, retrained = tmp_path / "base", tmp_path / "retrained"
    with killed_in_epoch_three():
        run_seeds("training", seeds=2, overrides=tiny)
    assert not (base / "seed_0" / "model").exists() and not (base / "seed_1").exists()
    run_seeds("training", seeds=2, overrides=tiny)
    again = {**tiny, "output_dir": str(retrained), "base_dir": str(base)}
    run_seeds("retraining", seeds=2, overrides=again)
    assert not (base / "seed_0" / "cache").exists() and (base / "cache").exists()

    finished = (base / "seed_1" / "model" / "model.safetensors").read_bytes()
    run_seeds("training", seeds=2, overrides=tiny)  # finished: nothing changes
    assert (base / "seed_1" / "model" / "model.safetensors").read_bytes() == finished
    epochs = [
        json.loads((base / f"seed_{seed}/model/metadata.json").read_text())["provenance"]["epoch"] for seed in (0, 1)
    ]
    assert epochs == [3, 3]
    with pytest.raises(ValueError, match=r"seed_0.*learning_rate: expected 0\.01, found 0\.001"):
        run_seeds("training", seeds=2, overrides={**tiny, "learning_rate": 1e-2})

    for folder, other in ((base, {}), (retrained, {"base_dir": str(base)})):
        run_seeds("evaluating", overrides={**tiny, "output_dir": str(folder), "bootstrap": 40, **other})
    comparison = json.loads((tmp_path / "comparison.json").read_text())
    # The same images and seeds give the same networks: no difference in any seed, and a control that has one.
    assert [row["difference"] for row in comparison["seeds"]] == [0, 0]
    assert comparison["control"]["pairs"] == 1
    assert comparison["sentence"].startswith("No verdict: 6 patients are too few")

    from mlflow.tracking import MlflowClient

    recorded = json.loads((retrained / "mlflow_runs.json").read_text())["comparison"]
    assert recorded["tracking_uri"] == f"sqlite:///{tmp_path / 'mlruns.db'}"
    found = MlflowClient(recorded["tracking_uri"]).get_run(recorded["run_id"])
    assert found.data.params["verdict"] == "no verdict"
    assert found.data.tags["mlflow.note.content"].startswith(comparison["sentence"])
    assert found.data.metrics["comparison_macro_auroc_difference"] == 0

    publish_report(tmp_path)
    for folder in (base / "seed_0", retrained / "seed_1", retrained):
        for run in json.loads((folder / "mlflow_runs.json").read_text()).values():
            files = MlflowClient(recorded["tracking_uri"]).list_artifacts(run["run_id"])
            assert "report.html" in [file.path for file in files]


def test_a_network_with_frozen_blocks_trains_the_others(tiny):
    run_workflow("training", overrides={**tiny, "max_epochs": 1, "frozen_blocks": 1, "keep": "last"})
    state = torch.load(Path(tiny["output_dir"]) / "checkpoint.pt", weights_only=True)
    trained = sum(len(group["params"]) for group in state["optimizer"]["param_groups"])
    assert 0 < trained < len([name for name in state["network"] if name not in ("mean", "std")])
    assert state["settings"]["frozen_blocks"] == 1 and state["settings"]["keep"] == "last"
