"""The command: what it prints, logs and leaves behind, and how it ends."""

import io
import signal
import socket
import stat
import zipfile

import httpx2
import pytest
from scripts.app import serve_command
from scripts.cli import app
from typer.testing import CliRunner

from ..dicom.synthetic import save
from ..inference.test_privacy import SECRETS, canary
from .conftest import wait_for
from .running import running


def test_films_are_predicted_and_nothing_is_left_or_logged(model_dir, tmp_path):
    film = save(canary(), tmp_path / "film.dcm").read_bytes()
    with running(model_dir, tmp_path, "--keep", tmp_path / "kept") as (process, address):
        (private,) = (tmp_path / "temp").glob("cxr-attention-sr-*")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        with httpx2.Client(base_url=address) as client:
            key = client.post("batches").json()["batch"]
            for name, content in (("Ann Example.dcm", film), ("Bob Example.txt", b"no film")):
                client.post(f"batches/{key}/files", params={"name": name}, content=content)
            client.post(f"batches/{key}/start")
            assert wait_for(client, key, "done", "failed")["refused"] == 1
            page = client.get(f"batches/{key}/view/predictions.html").text
            with zipfile.ZipFile(io.BytesIO(client.get(f"batches/{key}/results.zip").content)) as content:
                texts = [
                    content.read(name).decode() for name in content.namelist() if not name.endswith((".png", ".dcm"))
                ]
        assert "Ann Example.dcm" in page and "Bob Example.txt: " in page and str(private) not in page
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and printed.splitlines()[-1] == "stopped"
    assert list((tmp_path / "temp").glob("cxr-attention-sr-*")) == []
    log = printed + (tmp_path / "log").read_text()
    assert "Example" not in log and len(texts) >= 4
    assert [secret for secret in SECRETS if secret in page + log + "".join(texts)] == []
    assert "1 used, 1 refused" in printed
    (kept,) = (tmp_path / "kept").iterdir()
    assert (kept / "predictions.csv").is_file() and "Ann Example.dcm" in (kept / "predictions.csv").read_text()
    assert [path for path in kept.rglob("*") if path.name.startswith("Ann")] == []


def test_taken_port_is_named_before_the_model_is_loaded(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = CliRunner().invoke(app, ["serve", "--port", str(taken.getsockname()[1]), "--model", str(tmp_path)])
    assert isinstance(done.exception, ValueError) and "expected a free port" in str(done.exception)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(serve_command, "_PACKAGES", ("no_such_package",))
    done = CliRunner().invoke(app, ["serve"])
    assert isinstance(done.exception, ValueError) and "install the extra app" in str(done.exception)


def test_folder_that_cannot_keep_results_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(app, ["serve", "--keep", str(tmp_path / "file")])
    assert isinstance(done.exception, ValueError) and "--keep" in str(done.exception)


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="no SIGTERM on this system")
def test_ended_by_the_system_it_leaves_no_film(model_dir, tmp_path):
    with running(model_dir, tmp_path) as (process, address):
        with httpx2.Client(base_url=address) as client:
            key = client.post("batches").json()["batch"]
            client.post(f"batches/{key}/files", params={"name": "a.dcm"}, content=b"film")
        assert list((tmp_path / "temp").rglob("00000_a.dcm"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert not list((tmp_path / "temp").rglob("00000_a.dcm"))
