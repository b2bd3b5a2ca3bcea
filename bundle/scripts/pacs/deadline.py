"""HTTP connections with one deadline from the start of a request to the last byte of its response.

The timeouts of ``requests`` apply to a single read. A server that sends one byte before each of them expires could
delay a response for ever.
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

TIMEOUTS_S = (10, 60)  # for connecting, and between two bytes
_ANSWER_S = 300
_FRAMING_BYTES = 1_000_000  # allowance for header lines and chunk framing of a response
_PIECE_BYTES = 1 << 14  # one TLS record: Python restarts the timeout of a socket with each


class _Timed(HTTPConnection):
    """Connection that gives each request a deadline."""

    end = 0.0

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """Set the deadline; this is the first call for a request, and a connection can serve several requests."""
        self.end = time.monotonic() + _ANSWER_S
        super().putrequest(*arguments, **options)

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """Send data as the standard library does, within the deadline.

        Raises:
            RefusedInput: ``PACS_UNAVAILABLE`` at the deadline.
        """
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _PIECE_BYTES):
            with self.limited(self.sock):
                super().send(data[start : start + _PIECE_BYTES])

    def getresponse(self) -> Any:
        """Return a response that is read within the deadline."""
        self.response_class = partial(_TimedResponse, self)  # type: ignore[assignment]
        return super().getresponse()

    @contextmanager
    def limited(self, sock: Any) -> Iterator[None]:
        """Limit the timeout of a socket to the time left.

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
    """The same over TLS; a TLS handshake has a single timeout anyway."""


class _TimedReader(io.RawIOBase):
    """Reader of one response with the deadline and a limit of size.

    Args:
        raw: socket as a file.
        connection: connection of the response.
    """

    def __init__(self, raw: io.RawIOBase, connection: _Timed) -> None:
        # The socket is kept because the connection drops it before its last response is read.
        self.raw, self.connection, self.sock, self.seen = raw, connection, connection.sock, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer, see :class:`io.RawIOBase`.

        Raises:
            RefusedInput: ``PACS_UNAVAILABLE`` at the deadline, or ``FILE_SIZE`` for a response that is too large.
        """
        with self.connection.limited(self.sock):
            count = self.raw.readinto(buffer)  # type: ignore[attr-defined]
        self.seen += count or 0
        if self.seen > MAX_FILE_BYTES + _FRAMING_BYTES:
            raise too_large(MAX_FILE_BYTES)
        return int(count) if count is not None else None

    def close(self) -> None:
        self.raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """Response that is read within the deadline, from the first header line on.

    Args:
        connection: connection of the response.
        sock: socket of the connection.
        options: options of :class:`http.client.HTTPResponse`.
    """

    def __init__(self, connection: _Timed, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), connection))  # type: ignore[attr-defined]


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls


class TimedAdapter(HTTPAdapter):
    """Adapter for a ``requests`` session whose connections keep the deadline."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Create the pools with connections of this module."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
