import json

import pytest
from mlflow.tracking import MlflowClient
from scripts.tracking import Tracker


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
    assert json.loads((tmp_path / "base" / "mlflow_run.json").read_text())["run_id"] == base_id


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
