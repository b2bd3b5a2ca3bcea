"""The server in this process, with a predictor that a test controls."""

import threading
from types import SimpleNamespace

import pytest
from scripts.app.batch_queue import BatchQueue
from scripts.app.server import make_app
from starlette.testclient import TestClient

from ..inference.conftest import model_dir

__all__ = ["model_dir"]

TOKEN = "t" * 32


class SlowPredictor:
    """Writes a page that names the films; each film waits for :meth:`finish_film`.

    Attributes:
        seen: the names under which the batches were shown, and the content of their files.
        waits: whether a film waits.
    """

    def __init__(self):
        self.seen, self.waits, self.error = [], True, None
        self._films, self.started = threading.Semaphore(0), threading.Semaphore(0)

    def finish_film(self):
        self._films.release()

    def predict_to_folder(self, inputs, out_dir, *, dicom, shown_as, unpack_to, on_progress):
        self.seen.append({shown_as[path]: open(path, "rb").read() for path in inputs})
        on_progress(0, len(inputs))
        self.started.release()
        (out_dir / "predictions_files" / "0").mkdir(parents=True)
        for done in range(1, len(inputs) + 1):
            if self.waits:
                assert self._films.acquire(timeout=60)
            on_progress(done, len(inputs))
        if self.error is not None:
            raise self.error
        (out_dir / "predictions.html").write_text(", ".join(shown_as.values()))
        (out_dir / "predictions.csv").write_text("image\n")
        (out_dir / "predictions_files" / "0" / "film.jpg").write_bytes(b"jpeg")
        return SimpleNamespace(rows=inputs, failures=[])


@pytest.fixture
def predictor():
    return SlowPredictor()


@pytest.fixture
def queue(predictor, tmp_path):
    queue = BatchQueue(predictor, tmp_path / "private")
    yield queue
    predictor.waits = False
    for _ in range(100):
        predictor.finish_film()
    queue.close()


@pytest.fixture
def client(queue):
    """Client on this computer that knows the token."""
    return client_of(queue)


def client_of(queue, **options):
    options = {"client": ("127.0.0.1", 5000), "base_url": f"http://127.0.0.1:8765/{TOKEN}/", **options}
    return TestClient(make_app(queue, TOKEN), **options)


def send(client, *names, content=b"film"):
    """Send a batch of files and start it; return its key."""
    key = client.post("batches").json()["batch"]
    for name in names:
        answer = client.post(f"batches/{key}/files", params={"name": name}, content=content)
        assert answer.status_code == 201, answer.json()
    assert client.post(f"batches/{key}/start").status_code == 202
    return key


def wait_for(client, key, *states):
    """Wait until a batch has one of the states; return its description."""
    for _ in range(600):
        answer = client.get(f"batches/{key}").json()
        if answer.get("state") in states:
            return answer
        threading.Event().wait(0.05)
    raise AssertionError(answer)
