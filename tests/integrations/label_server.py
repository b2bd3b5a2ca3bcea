"""A MONAI Label server on loopback, of a copy of the app: what it is taught goes with the folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "integrations" / "monai_label"
PYTHON = ROOT / ".venv-label" / "bin" / "python"
START_S = 180


class Server:
    """A running MONAI Label."""

    def __init__(self, port):
        self.root = f"http://127.0.0.1:{port}"

    def request(self, method, path, body=None, kind="application/json"):
        """Status and body."""
        headers = {} if body is None else {"Content-Type": kind}
        request = urllib.request.Request(self.root + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def form(self, method, path, **fields):
        """The same with form fields."""
        return self.request(method, path, urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded")


@contextmanager
def label_server(folder: Path, studies: str, **settings: str) -> Iterator[Server]:
    """Start it, wait until it answers, end it.

    Args:
        folder: for the app and the log.
        studies: folder or DICOMweb URL.
        settings: further variables of its environment.
    """
    app = folder / "integrations" / "monai_label" / "app"
    shutil.copytree(INTEGRATION / "app", app, ignore=shutil.ignore_patterns("model", "logs", "bin"))
    (folder / "bundle").symlink_to(ROOT / "bundle")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(INTEGRATION / "startup"), **settings}
    environment["MONAI_LABEL_SESSION_PATH"] = str(folder / "sessions")
    command = [PYTHON, "-m", "monailabel.main", "start_server", "--app", app, "--studies", studies]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    running = Server(port)
    try:
        wait_until_it_answers(process, running, folder / "server.log")
        yield running
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_it_answers(process: subprocess.Popen, server: Server, log: Path) -> None:
    for _ in range(START_S):
        if process.poll() is not None:
            break
        try:
            server.request("GET", "/info/")
            return
        except OSError:
            time.sleep(1)
    raise RuntimeError(f"MONAI Label does not answer: {log.read_text()[-3000:]}")
