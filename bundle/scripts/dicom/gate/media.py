"""Interchange media, for example a patient CD (PS3.10): a DICOMDIR, images, and the files of a viewer.

Below a DICOMDIR only DICOM files and files that the DICOMDIR refers to are images. The other files belong to a viewer.
If the DICOMDIR cannot be read, a file that is named like an image of a medium counts too, because it may be damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from ...common.refusal import RefusedInput
from ..read.parsing import load_dataset
from ..read.radiograph import sniff

_FILE_ID = re.compile(r"(?=.*\d)[A-Z0-9_]{1,8}")  # PS3.10 8.2; those of images contain a number
_DAMAGED_DICOM = ("NO_TRANSFER_SYNTAX", "NOT_DICOM", "FILE_SIZE")


@dataclass(frozen=True)
class Medium:
    """Folder with a DICOMDIR.

    Attributes:
        root: Path of the folder.
        references: Paths below ``root`` that the DICOMDIR refers to, normalized; none if it cannot be read.
    """

    root: PurePath
    references: frozenset[str]

    @classmethod
    def load(cls, root: PurePath, dicomdir: Path) -> Medium:
        """Read a DICOMDIR (PS3.3 annex F)."""
        try:
            records = load_dataset(dicomdir).get("DirectoryRecordSequence") or []
            parts = [record.get("ReferencedFileID") or [] for record in records]
        except Exception:  # the images are found by their content
            parts = []
        return cls(root, frozenset(_normalized([part] if isinstance(part, str) else part) for part in parts))

    def has_image(self, name: PurePath, path: Path) -> bool:
        """Whether a file of the medium is an image, or should be one.

        Args:
            name: Path of the file on the medium.
            path: File to read.
        """
        if _is_dicom(path):
            return True
        if not self.references:
            return bool(_FILE_ID.fullmatch(_normalized([name.name])))
        return _normalized(name.relative_to(self.root).parts) in self.references


def is_dicomdir(path: PurePath) -> bool:
    """Whether a file is named DICOMDIR. Copies of a medium may use lower case or keep the ISO 9660 version number."""
    return _normalized([path.name]) == "DICOMDIR"


def find_medium(name: PurePath, media: Iterable[Medium]) -> Medium | None:
    """Medium that contains a file; ``None`` if there is none."""
    return next((medium for medium in media if medium.root in name.parents), None)


def _normalized(parts: Iterable[str]) -> str:
    """Path in upper case, without ISO 9660 version numbers (``IM1.DCM;1``) and trailing periods."""
    return "/".join(str(part).upper().partition(";")[0].rstrip(".") for part in parts)


def _is_dicom(path: Path) -> bool:
    """Whether content or suffix of a file are those of DICOM, even if it is damaged or cannot be opened."""
    try:
        return sniff(path) == "dicom"
    except RefusedInput as refusal:
        return refusal.code in _DAMAGED_DICOM
    except OSError:
        return True
