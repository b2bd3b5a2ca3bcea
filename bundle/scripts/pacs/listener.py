"""C-STORE and C-ECHO server through pynetdicom, with limits of who may connect, how often and with how much data.

An AE title is not a password. The list of allowed titles keeps misconfigured senders out; access to the port must be
limited by the network.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Sequence
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.transport import AssociationServer

from ..common.loopback import is_loopback
from ..dicom.budget import MAX_FILE_BYTES
from .limited_socket import ANNOUNCED_PDU_BYTES, IDLE_S, REQUEST_S, LimitedSocket
from .receive import CLASSES, Inbox

_VERIFICATION = "1.2.840.10008.1.1"  # C-ECHO
_MAX_CONNECTIONS = 20
_MAX_WAITING_BYTES = 2 * MAX_FILE_BYTES  # in memory, for all connections together
_AE_TITLE_FORM = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )")  # PS3.5, table 6.2-1


class _Server(AssociationServer):
    """Server in which idle connections cannot keep others out.

    One address may have half of the connections, and at least one. When the limit is reached, a new connection replaces
    the oldest one without an association; when all have an association, the new connection is closed.

    Args:
        arguments: arguments of :class:`pynetdicom.transport.AssociationServer`.
        max_connections: maximum number of simultaneous connections.
        options: options of :class:`pynetdicom.transport.AssociationServer`.
    """

    def __init__(self, *arguments: Any, max_connections: int, **options: Any) -> None:
        self.max_connections = max_connections
        self.connections: list[LimitedSocket] = []
        self.request_queue_size = 128  # connections that the system accepts before this server does
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
        """Return whether a new connection is accepted, see the class."""
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
        oldest.cut_off("replaced by a new connection")
        oldest.association.join(1)
        return not oldest.association.is_alive()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a peer that closed its connection early; the parent class would print a traceback."""

    def _opened(self, event: Any) -> None:
        connection = event.assoc.dul.socket.socket
        connection.association = event.assoc
        self.connections.append(connection)

    def _bound_memory(self, event: Any) -> None:
        """Close the connection with the most unprocessed bytes when all together exceed the limit."""
        connections = self.connections
        if sum(one.waiting for one in connections) > _MAX_WAITING_BYTES:
            max(connections, key=lambda one: one.waiting).cut_off("it uses most of the memory for films")

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
    """Start the server in a thread.

    Args:
        inbox: inbox for the received films.
        address: (host, port) to listen on; ``127.0.0.1`` is reachable from this computer only.
        calling: AE titles that may call; empty: any title, allowed only for a loopback address.
        max_connections: maximum number of simultaneous connections; one address gets at most half of them.

    Raises:
        OSError: the address is in use, or does not belong to this computer.
        ValueError: no AE titles for an address that others can reach, or an invalid AE title.
    """
    if not calling and not is_loopback(address[0]):
        raise ValueError(
            "--bind: other computers could send films; expected the AE titles that may call, found none; name them "
            "with --calling, or listen on 127.0.0.1"
        )
    for title in calling:
        if _AE_TITLE_FORM.fullmatch(title) is None:
            raise ValueError(f"--calling: not an AE title; expected 1 to 16 ASCII characters, found {title[:64]!r}")
    entity = AE(inbox.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(calling)
    entity.maximum_pdu_size = ANNOUNCED_PDU_BYTES
    entity.maximum_associations = 2 * max_connections  # never reached: _Server has a lower limit
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
    # The lines below do what AE.start_server does, which cannot use another server class.
    entity._servers.append(server)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, name="listener", daemon=True).start()
    return server
