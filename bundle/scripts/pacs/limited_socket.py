"""Socket for the DICOM upper layer (PS3.8) with limits of size and time.

pynetdicom alone trusts the length that a message states, waits for all of it without a limit, and collects a data set
of any size in memory.
"""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from typing import Any

from ..dicom.budget import MAX_FILE_BYTES

logger = logging.getLogger(__name__)

REQUEST_S = 10  # for an association request, counted from the connection
IDLE_S = 60  # between two bytes
_OBJECT_S = 600  # for one object
_ASSOCIATION_S = 3600
ANNOUNCED_PDU_BYTES = 1 << 17  # limit that is announced to peers
_MAX_PDU_BYTES = 1 << 18  # a request of 128 classes with 40 encodings each has 150 kB
_MAX_COMMAND_BYTES = 1 << 16  # for the command set in front of an object; 200 bytes are usual
_HEADER_BYTES, _P_DATA = 6, 4


class LimitedSocket(socket.socket):
    """Replacement of a connected socket.

    Args:
        plain: socket to replace; it cannot be used afterwards.
        request_s: time from the connection to the end of the first PDU (association request or its answer), in seconds.

    Attributes:
        waiting: bytes received for a message that is incomplete or not answered yet.
    """

    def __init__(self, plain: socket.socket, request_s: float) -> None:
        super().__init__(fileno=plain.detach())
        self.request_s = request_s
        self.association: Any = None  # of pynetdicom
        self.is_half_open = True  # until an association is established
        self.opened, self.begun = time.monotonic(), 0.0
        self.waiting, self.complete = 0, False
        self._header, self._rest = bytearray(), 0

    def message_received(self) -> None:
        """Note that a message is complete; the peer now waits for the answer (PS3.7, D.3.3.3)."""
        self.complete = True

    def message_sent(self) -> None:
        """Note that a request or an answer was sent, which releases the received bytes."""
        self.waiting, self.complete = 0, False

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive data, see :meth:`socket.socket.recv`.

        Raises:
            OSError: a limit is exceeded; the connection is closed.
        """
        self._limit_time()
        try:
            data = super().recv(size, flags)
        except TimeoutError:
            raise self.cut_off("too slow") from None
        rest = data
        while rest:
            if self._rest:
                count = min(self._rest, len(rest))
                self._rest, rest = self._rest - count, rest[count:]
                continue
            count = _HEADER_BYTES - len(self._header)
            self._header += rest[:count]
            rest = rest[count:]
            if len(self._header) == _HEADER_BYTES:
                self._begin(self._header[0], int.from_bytes(self._header[2:], "big"))
                self._header.clear()
        return data

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        """Send data, see :meth:`socket.socket.send`.

        Raises:
            OSError: a limit is exceeded; the connection is closed.
        """
        self._limit_time()
        try:
            return super().send(data, flags)
        except TimeoutError:
            raise self.cut_off("too slow") from None

    def cut_off(self, why: str) -> ConnectionError:
        """Close the connection, wake the thread that waits for it, and return the error to raise."""
        logger.info("a DICOM connection was closed: %s", why)
        with suppress(OSError):  # the peer has closed it already
            self.shutdown(socket.SHUT_RDWR)
        self.waiting = 0
        if self.association is not None and self.is_half_open:
            self.association.dul.to_user_queue.put(None)  # ends the thread's wait for a request
        return ConnectionError(why)

    def _limit_time(self) -> None:
        """Set the timeout of the next call to the time that the limits leave.

        Raises:
            OSError: no time is left; the connection is closed.
        """
        if self.association is not None and self.association.is_established:
            self.is_half_open = False
        if self.is_half_open:
            end = self.opened + self.request_s
        else:
            end = self.opened + _ASSOCIATION_S
            if self.waiting:
                end = min(end, self.begun + _OBJECT_S)
        left = end - time.monotonic()
        if left <= 0:
            raise self.cut_off("too slow")
        self.settimeout(min(left, IDLE_S))

    def _begin(self, kind: int, length: int) -> None:
        """Check the header (first six bytes) of a PDU.

        Raises:
            OSError: a limit is exceeded; the connection is closed.
        """
        if length > _MAX_PDU_BYTES:
            raise self.cut_off("a PDU that is too large")
        self._rest = length
        if kind != _P_DATA or self.association is None:
            return
        if self.complete:
            raise self.cut_off("a request before the answer to the last one")
        message = self.association.dimse.message
        if message is not None and message.encoded_command_set.tell() > _MAX_COMMAND_BYTES:
            raise self.cut_off("a command that is too large")
        if not self.waiting:
            self.begun = time.monotonic()
        self.waiting += _HEADER_BYTES + length
        if self.waiting > MAX_FILE_BYTES + _MAX_PDU_BYTES:
            raise self.cut_off("an object that is too large to be a radiograph")
