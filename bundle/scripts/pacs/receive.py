"""Inbox for films that arrive by C-STORE: they are on disk before they are acknowledged; results go to a peer."""

from __future__ import annotations

import logging
import os
import shutil
import threading
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

from ..common.atomic import make_folder, remove_temporaries, replace
from ..common.failures import Failure
from ..dicom.budget import MAX_FILE_BYTES
from ..dicom.objects.derived_image import is_enhanced
from ..dicom.read.parsing import load_dataset
from .dicomweb import MAX_IMAGES
from .dimse import AE_TITLE, Peer, send
from .journal import Journal
from .outbox import OWNER_ONLY

if TYPE_CHECKING:
    from pynetdicom.events import Event

logger = logging.getLogger(__name__)

CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)
_FREE_BYTES = 1_000_000_000
_MAX_STUDIES = 10_000  # studies that wait
# Status of C-STORE (PS3.4, table B.2-1).
_SUCCESS, _OUT_OF_RESOURCES, _CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000


class Inbox:
    """Received films, by study; a :class:`.relay.Archive`.

    Files and folders are named by salted hashes, so that a sender cannot choose any name.

    Args:
        out_dir: folder of ``inbox/``, which only its owner can read.
        journal: journal, which computes the hashes.
        peer: receiver of the results.
        ae_title: own AE title.
        free_bytes: disk space that must stay free, in bytes; a film that would leave less is not accepted.
    """

    lists_finished = False

    def __init__(
        self,
        out_dir: Path,
        journal: Journal,
        peer: Peer,
        ae_title: str = AE_TITLE,
        *,
        free_bytes: int = _FREE_BYTES,
    ) -> None:
        self.folder, self.journal, self.peer, self.ae_title = out_dir / "inbox", journal, peer, ae_title
        self.free_bytes = free_bytes
        make_folder(self.folder, owner_only=True)
        remove_temporaries(self.folder)
        self.taken: dict[str, dict[Path, int]] = {}

    def studies(self, since: date) -> dict[str, int]:
        """Return the folder name of each study -> number of its films, whatever their age."""
        counts = {folder.name: len(list(folder.glob("*.dcm"))) for folder in sorted(self.folder.iterdir())}
        return {name: count for name, count in counts.items() if count}

    def films(self, key: str) -> list[str]:
        """Return the file names of a study's films."""
        return [path.name for path in (self.folder / key).glob("*.dcm")]

    def fetch(self, key: str, folder: Path) -> list[Failure]:
        """Link the films into a folder, or copy them where the file system has no links, as exFAT.

        The inbox keeps them until the results are stored.
        """
        self.taken[key] = {}
        for number, path in enumerate(sorted((self.folder / key).glob("*.dcm"))):
            film = folder / f"{number:06}.dcm"
            try:
                os.link(path, film)
            except OSError:
                shutil.copyfile(path, film)
            self.taken[key][path] = path.stat().st_ino
        return []

    def store(self, key: str, paths: Sequence[Path]) -> int:
        """Send results to the peer, and return their number.

        Raises:
            RefusedInput: see :func:`.dimse.send`.
        """
        send(paths, self.peer, self.ae_title)
        return len(paths)

    def forget(self, key: str) -> None:
        """Remove the films that were used, except for one that arrived, or arrived again, in the meantime."""
        for path, number in self.taken.pop(key, {}).items():
            if path.exists() and path.stat().st_ino == number:
                path.unlink()
        with suppress(OSError):  # not empty: a film has come
            (self.folder / key).rmdir()

    def keep(self, event: Event) -> int:
        """Handle a C-STORE request: put the film on disk, then acknowledge it.

        An image that this software enhanced is acknowledged and dropped. Otherwise, with a PACS that forwards every
        film, results of results would be made without an end.

        Returns:
            Status of the response.
        """
        incoming = self.folder / f".{threading.get_ident()}.tmp"
        try:
            content = event.encoded_dataset()
            if not self.has_room(len(content)):
                return _OUT_OF_RESOURCES
            with incoming.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            return self.take(incoming)
        except OSError:
            return _OUT_OF_RESOURCES
        except Exception:  # a parser may raise anything for arbitrary bytes
            return _CANNOT_UNDERSTAND
        finally:
            incoming.unlink(missing_ok=True)

    def has_room(self, size: int) -> bool:
        """Return whether a film of ``size`` bytes can be accepted."""
        free = shutil.disk_usage(self.folder).free - size
        if free < self.free_bytes:
            logger.warning(
                "inbox: a film was not accepted; expected %.1f GB free on its disk, found %.1f; free some space",
                self.free_bytes / 1e9, free / 1e9,
            )  # fmt: skip
        return size <= MAX_FILE_BYTES and free >= self.free_bytes

    def take(self, incoming: Path) -> int:
        """Move a film into the folder of its study; its header is parsed within the limits for files.

        Returns:
            Status of the response.

        Raises:
            Exception: any error of the parser; the file is not a film.
        """
        dataset = load_dataset(incoming)
        study, sop_uid = dataset.StudyInstanceUID, dataset.SOPInstanceUID
        if not study or not sop_uid:
            return _CANNOT_UNDERSTAND
        if is_enhanced(dataset):
            return _SUCCESS
        # A backslash separates values, so that none contains one; a study of two patients is two studies.
        folder = self.folder / self.journal.name(f"{study}\\{dataset.get('PatientID') or ''}")
        path = folder / f"{self.journal.name(sop_uid)}.dcm"
        is_full = len(list(folder.glob("*.dcm"))) >= MAX_IMAGES or (
            not folder.exists() and len(os.listdir(self.folder)) >= _MAX_STUDIES
        )
        if is_full and not path.exists():  # a film that is sent again replaces itself
            return _OUT_OF_RESOURCES
        folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
        replace(incoming, path)
        return _SUCCESS
