"""Connections on which one deadline holds from the start of a request to the last byte of its answer.

The timeouts of ``requests`` are those of one read: a server that sends a byte before each of them ends is never late,
neither with header lines nor with the body.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..dicom.budget import MAX_FILE_BYTES
from .refusals import too_large, too_slow

TIMEOUTS_S = (10, 60)  # to connect, and between two bytes
_ANSWER_S = 300
_FRAMING_BYTES = 1_000_000  # of an answer beside its body: header lines, and the framing of chunks
_PIECE_BYTES = 1 << 14  # a TLS record: Python restarts the timeout of a socket with each


class _Timed(HTTPConnection):
    """Connection whose every request has a deadline."""

    end = 0.0

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """The first call for a request; the connection may have served others."""
        self.end = time.monotonic() + _ANSWER_S
        super().putrequest(*arguments, **options)

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """As of the standard library.

        Raises:
            RefusedInput: ``PACS_UNAVAILABLE`` at the deadline.
        """
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _PIECE_BYTES):
            with self.limited(self.sock):
                super().send(data[start : start + _PIECE_BYTES])

    def getresponse(self) -> Any:
        """As of urllib3."""
        self.response_class = partial(_TimedResponse, self)  # type: ignore[assignment]
        return super().getresponse()

    @contextmanager
    def limited(self, sock: Any) -> Iterator[None]:
        """What waits for the socket waits no longer than there is time left.

        Raises:
            RefusedInput: ``PACS_UNAVAILABLE`` at the deadline.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise too_slow(_ANSWER_S)
        sock.settimeout(min(left, TIMEOUTS_S[1]))
        try:
            yield
        except TimeoutError:
            if left <= TIMEOUTS_S[1]:
                raise too_slow(_ANSWER_S) from None
            raise


class _TimedTls(_Timed, HTTPSConnection):
    """The same over TLS; the timeout of a handshake is one for all of it."""


class _TimedReader(io.RawIOBase):
    """What arrives for one answer.

    Args:
        raw: the socket as a file.
        line: the connection; it lets go of its socket before the answer is read when that is its last one.
    """

    def __init__(self, raw: io.RawIOBase, line: _Timed) -> None:
        self.raw, self.line, self.sock, self.seen = raw, line, line.sock, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As of a file.

        Raises:
            RefusedInput: ``PACS_UNAVAILABLE`` at the deadline, or ``FILE_SIZE``.
        """
        with self.line.limited(self.sock):
            count = self.raw.readinto(buffer)  # type: ignore[attr-defined]
        self.seen += count or 0
        if self.seen > MAX_FILE_BYTES + _FRAMING_BYTES:
            raise too_large(MAX_FILE_BYTES)
        return int(count) if count is not None else None

    def close(self) -> None:
        self.raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """Answer of a server, from its first header line on.

    Args:
        line: the connection.
        sock: its socket.
        options: of the standard library.
    """

    def __init__(self, line: _Timed, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), line))  # type: ignore[attr-defined]


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls


class TimedAdapter(HTTPAdapter):
    """Adapter of a session whose connections keep the deadline."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As of requests."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
