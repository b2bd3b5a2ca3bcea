"""A small DICOMweb server on loopback, in memory, that can misbehave on demand."""

from __future__ import annotations

import io
import json
import random
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pydicom
from pydicom.dataset import Dataset

PART = b"\r\nContent-Type: application/dicom\r\n\r\n"
RESOURCE = re.compile(r"^/dicom-web/studies(?:/(?P<study>[\d.]+))?(?:/series(?:/(?P<series>[\d.]+))?)?(?P<rest>/.*)?$")


def to_bytes(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@dataclass
class Stored:
    """An instance: its header and its bytes."""

    header: Dataset
    content: bytes


@dataclass
class FakePacs:
    """The archive and what goes wrong with it.

    Attributes:
        stored: SOPInstanceUID -> instance.
        received: SOPInstanceUIDs in the order of STOW, repetitions included.
        requests: method, path and Authorization of every request.
        trouble: method and path -> an HTTP status, a status and a Location, ``drop``, ``drip`` (a byte now and then) or
            ``None`` for a proper answer.
        page_limit: most results that a page has.
        wado: Content-Type of a film, and the film -> body of the response.
        stow: status and body of the response to STOW.
        encode: bytes of the JSON text of a search.
    """

    stored: dict[str, Stored] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    trouble: Callable[[str, str], int | str | tuple[int, str] | None] = lambda method, path: None
    page_limit: int = 1000
    wado: tuple[str, Callable[[bytes], bytes]] = (
        'multipart/related; type="application/dicom"; boundary=edge',
        lambda film: b"--edge" + PART + film + b"\r\n--edge--",
    )
    stow: tuple[int, bytes] = (200, b"{}")
    encode: Callable[[str], bytes] = str.encode
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, dataset: Dataset) -> None:
        content = to_bytes(dataset)
        header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        with self.lock:
            self.stored[str(header.SOPInstanceUID)] = Stored(header, content)

    def of_study(self, study: str) -> list[Dataset]:
        with self.lock:
            return [one.header for one in self.stored.values() if str(one.header.StudyInstanceUID) == study]

    def search(self, study: str | None, series: str | None, instances: bool, query: dict[str, str]) -> list[dict]:
        """QIDO-RS at one of its three levels."""
        with self.lock:
            headers = [one.header for one in self.stored.values()]
        if study:
            headers = [one for one in headers if str(one.StudyInstanceUID) == study]
        if series:
            headers = [one for one in headers if str(one.SeriesInstanceUID) == series]
        level = "SOPInstanceUID" if instances else "SeriesInstanceUID" if study else "StudyInstanceUID"
        groups: dict[str, list[Dataset]] = {}
        for one in headers:
            groups.setdefault(str(one.get(level)), []).append(one)
        found = [answer(group) for group in groups.values()]
        found = [one for one in found if all(matches(one, key, value) for key, value in query.items())]
        start = int(query.get("offset", 0))
        count = min(int(query.get("limit", 1000)), self.page_limit)
        return [json.loads(one.to_json()) for one in found[start : start + count]]


def answer(group: list[Dataset]) -> Dataset:
    """One entry of a search result."""
    first, item = group[0], Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "SeriesDescription"):
        if first.get(keyword):
            setattr(item, keyword, first.get(keyword))
    item.ModalitiesInStudy = sorted({str(one.get("Modality", "")) for one in group})
    item.NumberOfStudyRelatedInstances = len(group)
    item.PatientName = first.get("PatientName")
    item.StudyDate = first.get("StudyDate", "")
    return item


def matches(item: Dataset, keyword: str, value: str) -> bool:
    if keyword in ("offset", "limit", "includefield", "fuzzymatching"):
        return True
    if keyword == "StudyDate":
        return str(item.StudyDate) >= value.rstrip("-")
    found = item.get(keyword)
    return value in found if isinstance(found, pydicom.multival.MultiValue) else str(found) == value


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pacs: FakePacs

    def log_message(self, *_) -> None:  # type: ignore[no-untyped-def]
        pass

    def misbehave(self, body: int = 0) -> bool:
        self.pacs.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
        trouble = self.pacs.trouble(self.command, self.path)
        if trouble == "drop":
            self.close_connection = True
            self.connection.close()
        elif trouble == "drip":
            self.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        elif isinstance(trouble, tuple):
            self.reply(trouble[0], "text/plain", b"", Location=trouble[1])
        elif trouble is not None:
            self.reply(int(trouble), "text/plain", b"Secret^Person is not here")
        return trouble is not None

    def drip(self, start: bytes) -> None:
        """A start, and then for some seconds a byte before every timeout between two bytes."""
        self.close_connection = True
        self.wfile.write(start)
        with suppress(OSError):  # the client has gone
            for _ in range(100):
                self.wfile.write(b"a")
                time.sleep(0.05)

    def reply(self, status: int, kind: str, content: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        if self.misbehave():
            return
        parts = urlsplit(self.path)
        match = RESOURCE.match(parts.path)
        rest = (match["rest"] or "") if match else ""
        if match is None:
            self.reply(404, "text/plain", b"")
        elif rest.startswith("/instances/"):
            one = self.pacs.stored.get(rest.rsplit("/", 1)[1])
            if one is None:
                self.reply(404, "text/plain", b"")
            else:
                kind, body = self.pacs.wado
                self.reply(200, kind, body(one.content))
        else:
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            found = self.pacs.search(match["study"], match["series"], rest == "/instances", query)
            self.reply(200, "application/dicom+json", self.pacs.encode(json.dumps(found)))

    def do_POST(self) -> None:
        body = self.read_body()
        if self.misbehave():
            return
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])[1].encode()
        for part in body.split(b"--" + boundary)[1:-1]:
            dataset = pydicom.dcmread(io.BytesIO(part.split(b"\r\n\r\n", 1)[1][:-2]))
            self.pacs.add(dataset)
            self.pacs.received.append(str(dataset.SOPInstanceUID))
        status, answer = self.pacs.stow
        self.reply(status, "application/dicom+json", answer)

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_) -> None:  # type: ignore[no-untyped-def]
        """A client that was killed is no news."""


def serve(pacs: FakePacs) -> ThreadingHTTPServer:
    """Start the server; its port is free."""
    server = QuietServer(("127.0.0.1", 0), type("Bound", (Handler,), {"pacs": pacs}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def url_of(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/dicom-web"


def now_and_then(share: float, seed: int) -> Callable[[str, str], int | str | None]:
    """Trouble of every kind, in this share of the requests."""
    generator = random.Random(seed)
    return lambda method, path: generator.choice((500, 503, "drop")) if generator.random() < share else None
