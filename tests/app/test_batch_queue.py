"""Batches wait for each other, show their progress, can be cancelled, and leave nothing behind."""

import io
import threading
import zipfile

import pytest
from scripts.app import batch_queue
from scripts.app.batch_queue import BatchQueue

from .conftest import SlowPredictor, client_of, send, wait_for


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_batches_are_predicted_one_after_another_and_show_their_place(client, predictor):
    first, second, third = (send(client, f"{name}.dcm", "more.dcm") for name in "abc")
    assert predictor.started.acquire(timeout=60)
    state = [client.get(f"batches/{key}").json() for key in (first, second, third)]
    assert [(one["state"], one["before"]) for one in state] == [("running", 0), ("waiting", 1), ("waiting", 2)]
    assert (state[0]["done"], state[0]["total"]) == (0, 2)
    predictor.finish_film()
    while not client.get(f"batches/{first}").json()["done"]:
        pass
    assert client.get(f"batches/{first}").json()["state"] == "running"
    predictor.finish_film()
    wait_for(client, first, "done")
    assert predictor.started.acquire(timeout=60)
    assert client.get(f"batches/{third}").json()["before"] == 1
    predictor.waits = False
    predictor.finish_film()
    wait_for(client, third, "done")
    assert [sorted(one) for one in predictor.seen] == [[f"{name}.dcm", "more.dcm"] for name in "abc"]


def test_waiting_batch_is_cancelled_at_once_and_the_running_one_after_its_film(client, predictor, tmp_path):
    running, waiting = send(client, "a.dcm", "b.dcm"), send(client, "c.dcm")
    assert predictor.started.acquire(timeout=60)
    for key in (waiting, running):
        assert client.delete(f"batches/{key}").status_code == 200
        assert client.get(f"batches/{key}").status_code == 404
    predictor.finish_film()
    last = send(client, "d.dcm")
    predictor.finish_film()
    wait_for(client, last, "done")
    assert [sorted(one) for one in predictor.seen] == [["a.dcm", "b.dcm"], ["d.dcm"]]
    client.delete(f"batches/{last}")
    assert list((tmp_path / "private").iterdir()) == []


def test_results_are_seen_and_downloaded_and_nothing_else(client, predictor, tmp_path):
    predictor.waits = False
    key = send(client, "a.dcm")
    wait_for(client, key, "done")
    page = client.get(f"batches/{key}/view/predictions.html")
    assert page.headers["content-type"].startswith("text/html") and "content-disposition" not in page.headers
    picture = client.get(f"batches/{key}/view/predictions_files/0/film.jpg")
    assert picture.headers["content-type"] == "image/jpeg" and picture.content == b"jpeg"
    table = client.get(f"batches/{key}/view/predictions.csv")
    assert (
        table.headers["content-type"] == "application/octet-stream"
        and "attachment" in table.headers["content-disposition"]
    )
    whole = client.get(f"batches/{key}/results.zip")
    with zipfile.ZipFile(io.BytesIO(whole.content)) as content:
        assert content.read("predictions/predictions_files/0/film.jpg") == b"jpeg" and len(content.namelist()) == 3
    (tmp_path / "secret.txt").write_text("secret")
    up = "../../../secret.txt"
    for path in (up, up.replace("..", "%2e%2e"), up.replace("/", "%2f"), f"{tmp_path}/secret.txt", "%00", "x" * 300, "",
                 "nothing", "predictions_files"):  # fmt: skip
        answer = client.get(f"batches/{key}/view/{path}")
        assert answer.status_code == 404 and "secret" not in answer.text, path


def test_results_of_an_unfinished_batch_are_a_conflict(client, predictor):
    key = client.post("batches").json()["batch"]
    assert client.post(f"batches/{key}/start").status_code == 400  # no film
    key = send(client, "a.dcm")
    answers = [client.get(f"batches/{key}/{path}") for path in ("results.zip", "view/predictions.html")]
    answers += [client.post(f"batches/{key}/{path}", content=b"late") for path in ("files?name=b.dcm", "start")]
    for answer in answers:
        assert answer.status_code == 409 and "expected" in answer.json()["detail"]


def test_key_of_another_user_cannot_be_guessed(client):
    send(client, "a.dcm")
    for path in ("x", "x/results.zip", "x/view/a"):
        assert client.get(f"batches/{path}").status_code == 404
    for path in ("x/start", "x/files?name=a"):
        assert client.post(f"batches/{path}", content=b"").status_code == 404
    assert client.delete("batches/x").status_code == 404
    assert client.get("batches").status_code == 405


def test_too_many_batches_are_refused_until_one_is_finished(client, monkeypatch):
    monkeypatch.setattr(batch_queue, "MAX_UNFINISHED", 2)
    first, _ = send(client, "a.dcm"), client.post("batches")
    answer = client.post("batches")
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "60"
    client.delete(f"batches/{first}")
    assert client.post("batches").status_code == 201


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("Ann Example"), "failed inside with ValueError"),
        (OSError(28, "No space left on device"), "disk of the server is full"),
        (FileNotFoundError("no image"), "no film found"),
    ],
    ids=["inside", "disk", "nothing"],
)
def test_batch_that_fails_says_why_and_costs_no_other(client, predictor, caplog, tmp_path, error, reason):
    predictor.waits, predictor.error = False, error
    key = send(client, "a.dcm")
    state = wait_for(client, key, "failed")
    assert reason in state["reason"] and "Ann" not in state["reason"] + caplog.text
    assert files_in(tmp_path / "private") == []
    predictor.error = None
    wait_for(client, send(client, "b.dcm"), "done")


def test_what_nobody_uses_is_removed(client, queue, predictor, monkeypatch, tmp_path):
    predictor.waits = False
    done, receiving = send(client, "a.dcm"), client.post("batches").json()["batch"]
    wait_for(client, done, "done")
    queue.remove_unused()
    assert client.get(f"batches/{done}").status_code == client.get(f"batches/{receiving}").status_code == 200
    for name in ("_RECEIVING_S", "_RESULTS_S"):
        monkeypatch.setattr(batch_queue, name, -1)
    queue.remove_unused()
    assert client.get(f"batches/{done}").status_code == client.get(f"batches/{receiving}").status_code == 404
    assert list((tmp_path / "private").iterdir()) == []


def test_kept_results_stay_and_films_do_not(tmp_path):
    predictor = SlowPredictor()
    predictor.waits = False
    queue = BatchQueue(predictor, tmp_path / "private", tmp_path / "kept")
    with client_of(queue) as client:
        key = send(client, "a.dcm")
        wait_for(client, key, "done")
        client.delete(f"batches/{key}")
    (folder,) = (tmp_path / "kept").iterdir()
    assert sorted(path.name for path in files_in(folder)) == ["film.jpg", "predictions.csv", "predictions.html"]
    assert not (tmp_path / "private").exists()


def test_end_of_the_program_stops_the_batch_after_its_film_and_removes_everything(tmp_path):
    predictor = SlowPredictor()
    queue = BatchQueue(predictor, tmp_path / "private", tmp_path / "kept")
    with client_of(queue) as client:
        send(client, "a.dcm", "b.dcm")
        send(client, "c.dcm")
        assert predictor.started.acquire(timeout=60)
        threading.Timer(0.5, predictor.finish_film).start()
    assert len(predictor.seen) == 1
    assert not (tmp_path / "private").exists() and files_in(tmp_path / "kept") == []
