import atexit
import errno
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from scripts.tracking import Tracker, attach_artifact
from scripts.tracking.run_file import read_runs
from scripts.workflow import BUNDLE_ROOT


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


@pytest.fixture
def listener():
    """A server that nobody configured; ``heard`` holds the path and the Authorization header of each request."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            heard.append((self.path, self.headers.get("Authorization")))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", heard
    server.shutdown()
    server.server_close()


def finished_run(folder, uri=None):
    tracker = Tracker(folder / "base", "training", uri)
    tracker.start({})
    run_id = tracker.run_id
    tracker.close()
    (folder / "report.html").write_text("<html></html>")
    return tracker, run_id


def test_nothing_is_sent_to_a_server_that_only_the_folder_names(tmp_path, listener, monkeypatch, caplog):
    url, heard = listener
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    finished_run(tmp_path)
    run = {"training": {"run_id": "0" * 32, "tracking_uri": url}}
    (tmp_path / "base" / "mlflow_runs.json").write_text(json.dumps(run))
    attach_artifact(tmp_path / "base", tmp_path / "report.html")
    assert heard == [] and "not attached to MLflow" in caplog.text
    attach_artifact(tmp_path / "base", tmp_path / "report.html", url)  # the caller configured it
    assert heard


def test_nothing_is_sent_to_a_server_that_only_the_database_names(tmp_path, listener, monkeypatch, caplog):
    url, heard = listener
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    uri = f"sqlite:///{tmp_path / 'mlruns.db'}"
    client = MlflowClient(uri)
    client.create_experiment("cxr-attention-sr", artifact_location=f"{url}/api/2.0/mlflow-artifacts/artifacts/x")
    run_id = client.create_run(client.get_experiment_by_name("cxr-attention-sr").experiment_id).info.run_id
    (tmp_path / "base").mkdir()
    run = {"training": {"run_id": run_id, "tracking_uri": uri}}
    (tmp_path / "base" / "mlflow_runs.json").write_text(json.dumps(run))
    (tmp_path / "report.html").write_text("<html></html>")
    attach_artifact(tmp_path / "base", tmp_path / "report.html")
    assert heard == [] and "keeps them elsewhere" in caplog.text

    tracker, run_id = finished_run(tmp_path)
    tracker.start({})
    tracker.log_artifacts(tmp_path / "report.html")
    assert heard == [] and [file.path for file in client.list_artifacts(tracker.run_id)] == ["report.html"]


def test_artifacts_of_a_moved_database_stay_where_they_are(tmp_path):
    (tmp_path / "old").mkdir()
    finished_run(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    tracker = Tracker(tmp_path / "new" / "base", "evaluating")
    tracker.start({})
    tracker.log_artifacts(tmp_path / "new" / "report.html")
    assert not (tmp_path / "old").exists() and list((tmp_path / "new" / "mlruns").rglob("report.html"))


def test_labels_of_any_spelling_have_a_metric_each(tmp_path):
    labels = ["Left Bright", "Nodule (<6 mm)", "Nodule (>6 mm)", 'a="b"', "x/../y", "[]", "$@%#", "\n", "ü" * 300]
    tracker = Tracker(tmp_path / "base", "evaluating")
    tracker.start({})
    tracker.log_metrics({f"test_auroc_{label}": 0.5 for label in labels})
    metrics = run_of(tracker, tracker.run_id).data.metrics
    assert len(metrics) == len(labels) and "test_auroc_Left Bright" in metrics


def everything_is_recorded(tracker, run_id):
    run = run_of(tracker, run_id)
    return run.data.params == {"seed": "0"} and run.data.metrics == {"loss": 0.5} and run.info.status == "FINISHED"


CONCURRENT = """
import sys
from scripts.tracking import Tracker
tracker = Tracker(sys.argv[1], "training")
tracker.start({"seed": 0})
print(tracker.run_id)
tracker.log_metrics({"loss": 0.5})
tracker.close()
"""


def test_processes_that_start_at_once_on_a_new_database_are_all_recorded(tmp_path):
    outputs = [tmp_path / str(number) for number in range(2)]
    command = [sys.executable, "-c", CONCURRENT]
    environment = {**os.environ, "PYTHONPATH": str(BUNDLE_ROOT)}
    processes = [
        subprocess.Popen([*command, str(output)], stdout=subprocess.PIPE, text=True, env=environment)
        for output in outputs
    ]
    ids = [process.communicate()[0].split()[0] for process in processes]
    assert all(everything_is_recorded(Tracker(tmp_path / "0", "training"), run_id) for run_id in ids)


def warnings_of(caplog):
    own = [record for record in caplog.records if record.name == "scripts.tracking.tracker"]
    return [record.getMessage() for record in own if record.levelname == "WARNING"]


def test_a_database_that_is_locked_for_a_while_is_recorded_later(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("scripts.tracking.tracker._RETRY_SECONDS", 0.0)
    tracker = Tracker(tmp_path / "base", "training")
    tracker.start({"seed": 0})
    run_id, log_metric = tracker.run_id, tracker.client.log_metric
    failures = iter([MlflowException("(sqlite3.OperationalError) database is locked\n[SQL: INSERT]")] * 2)

    def locked(*args, **kwargs):
        error = next(failures, None)
        if error is not None:
            raise error
        log_metric(*args, **kwargs)

    monkeypatch.setattr(tracker.client, "log_metric", locked)
    tracker.log_metrics({"loss": 0.5}, step=1)
    tracker.log_metrics({})
    assert run_of(tracker, run_id).data.metrics == {}
    tracker.log_metrics({"loss": 0.4}, step=2)
    tracker.close()
    history = MlflowClient(tracker.uri).get_metric_history(run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.4)]
    (warning,) = warnings_of(caplog)
    assert "database is locked" in warning and "SQL" not in warning and "the work goes on" in warning


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(5000)])
def test_a_corrupt_database_is_left_alone_and_ends_nothing(tmp_path, caplog, content):
    (tmp_path / "mlruns.db").write_bytes(content)
    works_without_mlflow(Tracker(tmp_path / "base", "training"), caplog)
    assert (tmp_path / "mlruns.db").read_bytes() == content


def works_without_mlflow(tracker, caplog):
    with tracker.recording({"seed": 0}):
        for step in range(3):
            tracker.log_metrics({"loss": 0.5}, step=step)
    first, last = warnings_of(caplog)
    assert "the work goes on" in first and "were not recorded" in last


def test_a_server_that_cannot_be_reached_costs_seconds(tmp_path, caplog):
    started = time.monotonic()
    works_without_mlflow(Tracker(tmp_path / "base", "training", "http://user:secret@127.0.0.1:9"), caplog)
    assert time.monotonic() - started < 20 and "secret" not in caplog.text


def test_a_read_only_or_full_database_ends_nothing(tmp_path, caplog, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mlflow.tracking.MlflowClient.create_run", full)
    works_without_mlflow(Tracker(tmp_path / "base", "training"), caplog)


def test_runs_of_a_deleted_experiment_get_another_one(tmp_path):
    first, _ = finished_run(tmp_path)
    client = MlflowClient(first.uri)
    client.delete_experiment(client.get_experiment_by_name("cxr-attention-sr").experiment_id)
    for workflow in ("training", "evaluating"):
        tracker = Tracker(tmp_path / "base", workflow)
        tracker.start({"seed": 0})
        run_id = tracker.run_id
        tracker.log_metrics({"loss": 0.5})
        tracker.close()
        assert everything_is_recorded(tracker, run_id)
    assert len(client.search_experiments(filter_string="name LIKE 'cxr%'")) == 1


def test_a_value_that_mlflow_does_not_accept_holds_up_no_other(tmp_path, caplog):
    tracker = Tracker(tmp_path / "base", "training")
    tracker.start({"seed": 0})
    for value in "12":
        tracker.record(lambda client, run_id, value=value: client.log_param(run_id, "seed", value))  # it cannot change
    tracker.log_metrics({"loss": 0.5})
    run_id = tracker.run_id
    tracker.close()
    (warning,) = warnings_of(caplog)
    assert everything_is_recorded(tracker, run_id) and "not accepted" in warning


def test_an_interrupted_run_is_marked_as_killed_when_the_work_is_continued(tmp_path):
    interrupted = Tracker(tmp_path / "base", "training")
    interrupted.start({})
    atexit.unregister(interrupted.close)  # as after SIGKILL
    other = Tracker(tmp_path / "base", "evaluating")
    other.start({})
    assert run_of(other, interrupted.run_id).info.status == "RUNNING"
    continued = Tracker(tmp_path / "base", "training")
    continued.start({})
    assert run_of(other, interrupted.run_id).info.status == "KILLED"
    assert run_of(other, continued.run_id).info.status == run_of(other, other.run_id).info.status == "RUNNING"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"training": 3}', '{"training": {}}'])
def test_a_damaged_list_of_runs_counts_as_empty(tmp_path, content):
    (tmp_path / "mlflow_runs.json").write_text(content)
    assert read_runs(tmp_path) == {}
