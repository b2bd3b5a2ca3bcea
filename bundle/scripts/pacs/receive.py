"""Films that others send by C-STORE: kept on disk before they are acknowledged, predicted, results sent to a peer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)

from ..data.atomic import atomic_write, remove_temporaries
from ..data.failures import Failure
from ..dicom.budget import MAX_FILE_BYTES
from ..dicom.objects.derived_image import is_enhanced
from .dimse import AE_TITLE, Peer, send
from .journal import Journal
from .outbox import OWNER_ONLY
from .session import require

if TYPE_CHECKING:
    from pynetdicom.events import Event
    from pynetdicom.transport import ThreadedAssociationServer

CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)
VERIFICATION = "1.2.840.10008.1.1"  # C-ECHO
# Status of C-STORE (PS3.4, table B.2-1).
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000


class Inbox:
    """Received films, by study; a :class:`.relay.Archive`.

    Files and folders are named by salted hashes: no name is made from anything that a sender chooses.

    Args:
        out_dir: gets ``inbox/``, which nobody else may read.
        journal: for the hashes.
        peer: gets the results.
        ae_title: our own.
    """

    lists_finished = False

    def __init__(self, out_dir: Path, journal: Journal, peer: Peer, ae_title: str = AE_TITLE) -> None:
        self.folder, self.journal, self.peer, self.ae_title = out_dir / "inbox", journal, peer, ae_title
        self.folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        remove_temporaries(self.folder)
        self.taken: dict[str, dict[Path, int]] = {}

    def studies(self, since: date) -> dict[str, int]:
        """Name of each study's folder, and the number of its films; however old they are."""
        counts = {folder.name: len(list(folder.glob("*.dcm"))) for folder in sorted(self.folder.iterdir())}
        return {name: count for name, count in counts.items() if count}

    def films(self, key: str) -> list[str]:
        """Names of a study's films."""
        return [path.name for path in (self.folder / key).glob("*.dcm")]

    def fetch(self, key: str, folder: Path) -> list[Failure]:
        """Link the films; the inbox keeps them until the results are stored."""
        self.taken[key] = {}
        for number, path in enumerate(sorted((self.folder / key).glob("*.dcm"))):
            os.link(path, folder / f"{number:06}.dcm")
            self.taken[key][path] = path.stat().st_ino
        return []

    def store(self, key: str, paths: Sequence[Path]) -> int:
        """Send results to the peer.

        Raises:
            RefusedInput: see :func:`.dimse.send`.
        """
        send(paths, self.peer, self.ae_title)
        return len(paths)

    def forget(self, key: str) -> None:
        """Remove the films that were used; one that came, or came again, since then stays."""
        for path, number in self.taken.pop(key, {}).items():
            if path.exists() and path.stat().st_ino == number:
                path.unlink()
        with suppress(OSError):  # not empty: a film has come
            (self.folder / key).rmdir()

    def keep(self, event: Event) -> int:
        """Keep one film, then acknowledge it: the handler of C-STORE.

        An image that this software enhanced is acknowledged and not kept: a PACS that forwards every film would send
        the results of results for ever.

        Returns:
            Status of the response.
        """
        try:
            dataset = event.dataset
            study, sop_uid = dataset.StudyInstanceUID, dataset.SOPInstanceUID
            own = is_enhanced(dataset)
            content = event.encoded_dataset()
        except Exception:  # whatever pydicom meets in what a sender sends
            return CANNOT_UNDERSTAND
        if not study or not sop_uid:
            return CANNOT_UNDERSTAND
        if own:
            return SUCCESS
        if len(content) > MAX_FILE_BYTES:
            return OUT_OF_RESOURCES
        folder = self.folder / self.journal.name(study)
        try:
            folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
            with atomic_write(folder / f"{self.journal.name(sop_uid)}.dcm") as file:
                file.write(content)
        except OSError:
            return OUT_OF_RESOURCES
        return SUCCESS


def listen(inbox: Inbox, address: tuple[str, int]) -> ThreadedAssociationServer:
    """Start to take films and C-ECHO, in threads of their own.

    Args:
        inbox: keeps them.
        address: to listen on; ``127.0.0.1`` hears this computer alone.

    Raises:
        OSError: the address is in use, or not ours.
        ValueError: pynetdicom is not installed.
    """
    require("pynetdicom")
    from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt

    entity = AE(inbox.ae_title)
    entity.require_called_aet = True
    entity.add_supported_context(VERIFICATION)
    for sop_class in CLASSES:
        entity.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    server = entity.start_server(address, block=False, evt_handlers=[(evt.EVT_C_STORE, inbox.keep)])
    assert server is not None
    return server
