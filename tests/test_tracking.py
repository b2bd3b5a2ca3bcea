import json

import pytest
from mlflow.tracking import MlflowClient
from scripts.tracking import Tracker, attach_artifact


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def run_of(tracker, run_id):
    return MlflowClient(tracker.uri).get_run(run_id)


def test_run_is_closed_linked_and_holds_what_was_logged(tmp_path):
    base = Tracker(tmp_path / "base", "training")
    base.start({"max_epochs": 2})
    base.log_metrics({"val_macro_auroc": 0.7, "val_loss": float("nan")}, step=1)
    base_id = base.run_id
    base.close()

    enhanced = Tracker(tmp_path / "enhanced", "enhancing", sources={"base": tmp_path / "base"})
    enhanced.start({})
    enhanced_run = run_of(enhanced, enhanced.run_id)
    enhanced.close("FAILED")

    run = run_of(base, base_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"max_epochs": "2"} and run.data.metrics == {"val_macro_auroc": 0.7}
    assert enhanced_run.data.tags["base_run_id"] == base_id
    assert run.info.run_name != enhanced_run.info.run_name
    assert json.loads((tmp_path / "base" / "mlflow_runs.json").read_text())["training"]["run_id"] == base_id


def test_an_evaluation_in_the_same_folder_does_not_take_the_place_of_the_training(tmp_path):
    ids = {}
    for workflow in ("training", "evaluating"):
        tracker = Tracker(tmp_path / "base", workflow, sources={"trained": tmp_path / "base"})
        tracker.start({})
        ids[workflow] = tracker.run_id
        tracker.close()
    later = Tracker(tmp_path / "enhanced", "enhancing", sources={"base": tmp_path / "base"})
    assert later.links() == {"base_run_id": ids["training"]}
    assert run_of(later, ids["evaluating"]).data.tags["trained_run_id"] == ids["training"]


def test_file_is_attached_to_the_finished_runs_of_a_folder(tmp_path):
    tracker = Tracker(tmp_path / "base", "training")
    tracker.start({})
    run_id = tracker.run_id
    tracker.close()
    (tmp_path / "report.html").write_text("<html></html>")
    attach_artifact(tmp_path / "base", tmp_path / "report.html")
    assert [file.path for file in MlflowClient(tracker.uri).list_artifacts(run_id)] == ["report.html"]


def test_attaching_to_runs_whose_database_is_gone_is_said_and_harmless(tmp_path, caplog):
    tracker = Tracker(tmp_path / "base", "training")
    tracker.start({})
    tracker.close()
    (tmp_path / "mlruns.db").unlink()
    attach_artifact(tmp_path / "base", tmp_path / "base" / "mlflow_runs.json")
    assert "no database" in caplog.text and not (tmp_path / "mlruns.db").exists()


def test_environment_wins_over_setting(tmp_path, monkeypatch):
    assert Tracker(tmp_path / "base", "training").uri == f"sqlite:///{tmp_path / 'mlruns.db'}"
    assert Tracker(tmp_path / "base", "training", "sqlite:///other.db").uri == "sqlite:///other.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///wins.db")
    assert Tracker(tmp_path / "base", "training", "sqlite:///other.db").uri == "sqlite:///wins.db"


@pytest.mark.parametrize(("uri", "rank"), [("none", 0), (None, 1)])
def test_no_tracking_writes_nothing(tmp_path, uri, rank):
    tracker = Tracker(tmp_path / "base", "training", uri, rank=rank)
    tracker.start({"seed": 0})
    tracker.log_metrics({"loss": 1.0})
    tracker.close()
    assert list(tmp_path.iterdir()) == []
