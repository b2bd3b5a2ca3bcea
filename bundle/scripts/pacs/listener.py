"""Listens for C-STORE and C-ECHO through pynetdicom: who may connect, how many, and with how much at a time.

An AE title is a name and no password: the list of titles keeps strangers' tools out, and who can reach the port should
be limited by the network.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Sequence
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.transport import AssociationServer

from ..dicom.budget import MAX_FILE_BYTES
from .limited_socket import ANNOUNCED_PDU_BYTES, IDLE_S, REQUEST_S, LimitedSocket
from .receive import CLASSES, Inbox
from .session import is_loopback

_VERIFICATION = "1.2.840.10008.1.1"  # C-ECHO
_MAX_CONNECTIONS = 20
_MAX_WAITING_BYTES = 2 * MAX_FILE_BYTES  # of all connections together, in memory
_AE_TITLE_FORM = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )")  # PS3.5, table 6.2-1


class _Server(AssociationServer):
    """Server that always has room for somebody who says what he wants.

    One address has at most half of the connections, or the only one. Where there is no room, a new connection takes the
    place of the oldest one without an association; where all have one, it is closed.

    Args:
        arguments: of pynetdicom.
        max_connections: at a time.
        options: of pynetdicom.
    """

    def __init__(self, *arguments: Any, max_connections: int, **options: Any) -> None:
        self.max_connections = max_connections
        self.connections: list[LimitedSocket] = []
        self.request_queue_size = 128  # of connections that the system has taken and we have not
        super().__init__(*arguments, **options)
        self.bind(evt.EVT_CONN_OPEN, self._opened)
        self.bind(evt.EVT_PDU_RECV, self._bound_memory)
        self.bind(evt.EVT_DIMSE_RECV, self._received)
        self.bind(evt.EVT_DIMSE_SENT, self._sent)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        plain, address = super().get_request()
        return LimitedSocket(plain, REQUEST_S), address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for a connection."""
        self.connections = [one for one in self.connections if one.association.is_alive()]
        host = client_address[0]
        neighbours = [one for one in self.connections if one.association.requestor.address == host]
        if len(neighbours) >= max(self.max_connections // 2, 1):
            crowd = neighbours
        elif len(self.connections) >= self.max_connections:
            crowd = self.connections
        else:
            return True
        oldest = next((one for one in crowd if one.is_half_open), None)
        if oldest is None or oldest.association is None:
            return False
        oldest.cut_off("another one needs its place")
        oldest.association.join(1)
        return not oldest.association.is_alive()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The peer was gone before its connection was set up; the parent prints a trace."""

    def _opened(self, event: Any) -> None:
        line = event.assoc.dul.socket.socket
        line.association = event.assoc
        self.connections.append(line)

    def _bound_memory(self, event: Any) -> None:
        """Cut off who takes most when all together take too much; the films of the others are small beside it."""
        connections = self.connections
        if sum(one.waiting for one in connections) > _MAX_WAITING_BYTES:
            max(connections, key=lambda one: one.waiting).cut_off("it takes most of the memory for films")

    def _received(self, event: Any) -> None:
        event.assoc.dul.socket.socket.message_received()

    def _sent(self, event: Any) -> None:
        event.assoc.dul.socket.socket.message_sent()


def listen(
    inbox: Inbox,
    address: tuple[str, int],
    *,
    calling: Sequence[str] = (),
    max_connections: int = _MAX_CONNECTIONS,
) -> AssociationServer:
    """Start to take films and C-ECHO, in threads of their own.

    Args:
        inbox: keeps them.
        address: to listen on; ``127.0.0.1`` hears this computer alone.
        calling: AE titles that may call; none: everybody, on this computer.
        max_connections: at a time; one address has at most half of them.

    Raises:
        OSError: the address is in use, or not ours.
        ValueError: no AE titles where others can connect, or what is none.
    """
    if not calling and not is_loopback(address[0]):
        raise ValueError(
            "--bind: other computers could send anything; expected the AE titles that may call, found none; name them "
            "with --calling, or listen on 127.0.0.1"
        )
    for title in calling:
        if _AE_TITLE_FORM.fullmatch(title) is None:
            raise ValueError(f"--calling: not an AE title; expected 1 to 16 ASCII characters, found {title[:64]!r}")
    entity = AE(inbox.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(calling)
    entity.maximum_pdu_size = ANNOUNCED_PDU_BYTES
    entity.maximum_associations = 2 * max_connections  # never reached: the server counts
    entity.acse_timeout, entity.network_timeout = REQUEST_S, IDLE_S
    entity.add_supported_context(_VERIFICATION)
    for sop_class in CLASSES:
        entity.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    server = entity.make_server(
        address,
        evt_handlers=[(evt.EVT_C_STORE, inbox.keep)],
        server_class=_Server,
        max_connections=max_connections,
    )
    # As start_server does, which cannot start a class of ours; shutdown removes it.
    entity._servers.append(server)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, name="listener", daemon=True).start()
    return server
