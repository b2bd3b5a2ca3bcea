"""C-STORE to a peer (PS3.4, annex B), for a PACS without DICOMweb, through pynetdicom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..dicom import RefusedInput
from .limited_socket import ANNOUNCED_PDU_BYTES, LimitedSocket
from .refusals import REFUSED, unavailable

AE_TITLE = "CXRASR"
_ANSWER_S = 30  # for the answer to an association request
# Status of C-STORE (PS3.4, table B.2-1; PS3.7, annex C): success, duplicate instance, warnings.
_STORED = {0x0000, 0x0111, *range(0xB000, 0xC000)}
_NO_CLASS = 0x0122


@dataclass(frozen=True)
class Peer:
    """A DICOM application entity that receives results; ``host`` is a name or an address."""

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Parse ``TITLE@HOST:PORT``.

        Raises:
            ValueError: the text has another form.
        """
        match = re.fullmatch(r"(?P<title>[^@\s]{1,16})@(?P<host>[^@\s]+):(?P<port>\d{1,5})", text)
        if match is None:
            raise ValueError(
                f"--peer: not a peer; expected TITLE@HOST:PORT, found {text!r}; for example PACS@10.0.0.5:104"
            )
        return cls(match["title"], match["host"], int(match["port"]))


def send(paths: Sequence[Path], peer: Peer, ae_title: str = AE_TITLE) -> None:
    """Send DICOM files to a peer, all in one association; a file that the peer rejects costs the others nothing.

    A peer that takes Implicit VR Little Endian only, the default of DICOM (PS3.5, section 10.1), gets converted files.

    Args:
        paths: DICOM files in Explicit VR Little Endian, as this software writes them.
        peer: receiver.
        ae_title: our own AE title.

    Raises:
        RefusedInput: ``PACS_UNAVAILABLE``; or ``PACS_REFUSED``, which names what the peer rejected. The other files are
            stored.
    """
    from pynetdicom import AE, evt

    datasets = [pydicom.dcmread(path) for path in paths]
    entity = AE(ae_title)
    for sop_class in sorted({str(dataset.SOPClassUID) for dataset in datasets}):
        entity.add_requested_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    association = entity.associate(
        peer.host,
        peer.port,
        ae_title=peer.ae_title,
        max_pdu=ANNOUNCED_PDU_BYTES,
        evt_handlers=[(evt.EVT_CONN_OPEN, _limit), (evt.EVT_DIMSE_SENT, _next_message)],
    )
    if association.is_rejected:
        raise _refused("a rejected association")
    accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
    if association.rejected_contexts and not association.is_established:
        accepted = set()  # the association is aborted, because the peer takes no class
    elif not association.is_established:
        raise unavailable("no association")
    rejected: list[str] = []
    try:
        for dataset in datasets:
            status = _NO_CLASS
            if str(dataset.SOPClassUID) in accepted:
                if not association.is_established:
                    raise unavailable("an association that ended")
                status = association.send_c_store(dataset).get("Status")
            if status is None:
                raise unavailable("an association that ended")
            if status == _NO_CLASS:
                rejected.append(f"a class that it does not take ({UID(dataset.SOPClassUID).name})")
            elif status not in _STORED:
                rejected.append(f"status 0x{status:04X}")
    finally:
        if association.is_established:
            association.release()
    if rejected:
        raise _refused(", ".join(dict.fromkeys(rejected)))


def _limit(event: Any) -> None:
    """Apply the limits of :class:`LimitedSocket` to a peer that answers too slowly or with too much."""
    limited = LimitedSocket(event.assoc.dul.socket.socket, _ANSWER_S)
    limited.association = event.assoc
    event.assoc.dul.socket.socket = limited


def _next_message(event: Any) -> None:
    event.assoc.dul.socket.socket.message_sent()


def _refused(found: str) -> RefusedInput:
    """Return the error of a result that the peer rejects."""
    return RefusedInput(
        REFUSED, "the peer does not take a result", "status 0x0000", found,
        "check both AE titles and which classes the peer stores",
    )  # fmt: skip
