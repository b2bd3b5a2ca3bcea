"""A socket of DICOM's upper layer (PS3.8) that reads no more, and waits no longer, than an honest peer needs.

pynetdicom believes the length that a message states, and waits for all of it without an end; it gathers a data set in
memory however large it becomes.
"""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from typing import Any

from ..dicom.budget import MAX_FILE_BYTES

logger = logging.getLogger(__name__)

REQUEST_S = 10  # for an association request, from the connection on
IDLE_S = 60  # between two bytes
_OBJECT_S = 600  # for an object
_ASSOCIATION_S = 3600
ANNOUNCED_PDU_BYTES = 1 << 17  # what we ask peers to keep to
_MAX_PDU_BYTES = 1 << 18  # a request of 128 classes with 40 encodings each has 150 kB
_MAX_COMMAND_BYTES = 1 << 16  # of what precedes an object; 200 are usual
_HEADER_BYTES, _P_DATA = 6, 4


class LimitedSocket(socket.socket):
    """Takes the place of a connected socket.

    Args:
        plain: is not to be used any more.
        request_s: from the connection to the end of the first PDU, an association request or its answer.

    Attributes:
        waiting: bytes of what is being received, or was received and is not answered.
    """

    def __init__(self, plain: socket.socket, request_s: float) -> None:
        super().__init__(fileno=plain.detach())
        self.request_s = request_s
        self.association: Any = None  # of pynetdicom
        self.is_half_open = True  # until there is an association; not again while it is released
        self.opened, self.begun = time.monotonic(), 0.0
        self.waiting, self.complete = 0, False
        self._header, self._rest = bytearray(), 0

    def message_received(self) -> None:
        """What the peer sent is complete; it now waits for our answer (PS3.7, D.3.3.3: one operation at a time)."""
        self.complete = True

    def message_sent(self) -> None:
        """A request, or our answer: what was received is done with."""
        self.waiting, self.complete = 0, False

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As of a socket.

        Raises:
            OSError: a limit; the connection is closed.
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
        """As of a socket.

        Raises:
            OSError: a limit; the connection is closed.
        """
        self._limit_time()
        try:
            return super().send(data, flags)
        except TimeoutError:
            raise self.cut_off("too slow") from None

    def cut_off(self, why: str) -> ConnectionError:
        """End the connection, and what waits for it, whoever is at fault; the error to raise."""
        logger.info("a DICOM connection was cut off: %s", why)
        with suppress(OSError):  # the peer was faster
            self.shutdown(socket.SHUT_RDWR)
        self.waiting = 0
        if self.association is not None and self.is_half_open:
            self.association.dul.to_user_queue.put(None)  # otherwise it waits for a request
        return ConnectionError(why)

    def _limit_time(self) -> None:
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
        """Judge a PDU by its first six bytes."""
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
