"""Orthanc in a network namespace of its own: version 1.10 cannot listen on loopback alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ROOT = "http://127.0.0.1:8042"
URL, USER, PASSWORD = f"{ROOT}/dicom-web", "reader", "word"
DICOM_PORT = 4242


def missing() -> str | None:
    """What is not installed here."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        return "Orthanc is not installed (Debian: orthanc orthanc-dicomweb)"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "unshare or ip is not installed (Debian: util-linux iproute2)"
    allowed = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    return None if allowed else "network namespaces are not allowed here"


needs_orthanc = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@contextmanager
def orthanc(folder: Path) -> Iterator[None]:
    """A running server with nothing in it; only to be called inside a network namespace.

    Args:
        folder: for its configuration and its data base.
    """
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    settings = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"),
        "HttpPort": 8042, "DicomPort": DICOM_PORT, "DicomAet": "ORTHANC", "Plugins": [str(PLUGIN)],
        "AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD}, "RemoteAccessAllowed": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        server = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        wait_until_it_answers(server, folder / "orthanc.log")
        yield
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_until_it_answers(server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"Orthanc ended: {log.read_text()[-2000:]}")
        try:
            if requests.get(f"{ROOT}/system", auth=(USER, PASSWORD), timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"Orthanc does not answer: {log.read_text()[-2000:]}")
