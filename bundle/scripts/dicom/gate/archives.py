"""Extraction of zip archives. Members are written to a private temporary folder and named by number.

No path is built from a name in the archive, and sizes are checked before anything is inflated. Compression shrinks a
radiograph to a tenth at best, so a member that claims a ratio above ``_MAX_RATIO`` is a zip bomb. An archive within an
archive is not opened.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ...common.printable import shortened
from ...common.refusal import RefusedInput
from ..budget import MAX_INFLATED_BYTES
from .media import Medium, find_medium, is_dicomdir
from .study_selection import is_candidate

_MAX_ARCHIVE_BYTES = 20_000_000_000
# The ratio is not checked for a member below this size.
_SMALL_BYTES, _MAX_RATIO = 10_000_000, 200
_LONGEST_NAME = 255  # characters shown of the name of a member, which may have 65,535
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Suffixes that a reader depends on. Nothing else of a name is kept.
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".dcm", ".png", ".jpg")


class Member(NamedTuple):
    """A file of an archive.

    Attributes:
        name: path of the archive followed by the name in the archive. For display only; it is never opened.
        path: extracted file, or ``None`` if the member was rejected.
        refusal: reason for the rejection.
    """

    name: str
    path: Path | None
    refusal: RefusedInput | None


def is_archive(path: Path) -> bool:
    """Whether the file name has the suffix of a zip archive."""
    return path.suffix.lower() == ".zip"


def extract_members(archive: Path) -> Iterator[Member]:
    """Extract the members that may be images, in the order of their names.

    The extracted files are removed when the program ends. An archive that is rejected as a whole yields one member
    without a path.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = [info for info in content.infolist() if _is_image(info)]
            _check_total(sum(info.file_size for info in members))
            folder = Path(tempfile.mkdtemp(prefix="cxr-attention-sr-"))  # readable by this user only
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            (folder / "media").mkdir()
            media = _load_media(content, folder)
            for number, info in enumerate(sorted(members, key=lambda info: info.filename)):
                name = f"{archive}/{shortened(str(PurePosixPath(info.filename)), _LONGEST_NAME)}"
                try:
                    inside = PurePosixPath(info.filename)
                    path, medium = _extract_member(content, info, folder, number), find_medium(inside, media)
                    if medium is None or medium.has_image(inside, path):
                        yield Member(name, path, None)
                except RefusedInput as refusal:
                    yield Member(name, None, refusal.at(name))
    except RefusedInput as refusal:
        yield Member(str(archive), None, refusal.at(archive))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        broken = RefusedInput(
            "ARCHIVE",
            "the archive cannot be opened",
            "a complete zip file",
            type(error).__name__,
            "copy it again, or unpack it",
        )
        yield Member(str(archive), None, broken.at(archive))


def _load_media(content: zipfile.ZipFile, folder: Path) -> list[Medium]:
    """Read the DICOMDIRs of an archive, which is a copy of a medium then."""
    media: list[Medium] = []
    for info in content.infolist():
        path = PurePosixPath(info.filename)
        if is_dicomdir(path):
            try:
                media.append(Medium.load(path.parent, _extract_member(content, info, folder / "media", len(media))))
            except RefusedInput:  # the images are found by their content
                media.append(Medium(path.parent, frozenset()))
    return media


def _is_image(info: zipfile.ZipInfo) -> bool:
    """Whether a member may be an image, according to its name."""
    return not info.is_dir() and is_candidate(PurePosixPath(info.filename))


def _check_total(size: int) -> None:
    """Reject an archive whose content does not fit into the temporary folder.

    Raises:
        RefusedInput: ``ARCHIVE_SIZE``.
    """
    budget = min(_MAX_ARCHIVE_BYTES, shutil.disk_usage(tempfile.gettempdir()).free // 2)
    if size > budget:
        raise RefusedInput(
            "ARCHIVE_SIZE", "the archive is too large", f"at most {budget // 1_000_000} MB unpacked",
            f"{size // 1_000_000} MB", "unpack it where there is space, and give the folder",
        )  # fmt: skip


def _extract_member(content: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, number: int) -> Path:
    """Write the content of a member to a file in ``folder`` that is named by its number.

    Raises:
        RefusedInput: ``ARCHIVE_SIZE``, ``ARCHIVE_NESTED`` or ``ARCHIVE_MEMBER``.
    """
    if info.file_size > MAX_INFLATED_BYTES or (
        info.file_size > _SMALL_BYTES and info.file_size > _MAX_RATIO * max(info.compress_size, 1)
    ):
        raise RefusedInput(
            "ARCHIVE_SIZE", "a member of the archive is too large",
            f"at most {MAX_INFLATED_BYTES // 1_000_000} MB, and {_MAX_RATIO} times its compressed size",
            f"{info.file_size} bytes from {info.compress_size}", "do not open archives from an untrusted source",
        )  # fmt: skip
    name = info.filename.lower()
    if name.endswith(".zip"):
        raise RefusedInput(
            "ARCHIVE_NESTED", "an archive within an archive", "images", "a zip file", "unpack it, and give the folder"
        )
    if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
        found = "an encrypted member" if info.flag_bits & 1 else f"compression method {info.compress_type}"
        raise RefusedInput(
            "ARCHIVE_MEMBER", "a member cannot be read", "stored or deflated, not encrypted", found,
            "unpack it, and give the folder",
        )  # fmt: skip
    path = folder / f"{number:06}{next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), '')}"
    try:
        with content.open(info) as source, path.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)  # zipfile stops at the size that was checked
    except Exception as error:  # zlib.error, BadZipFile, EOFError
        path.unlink(missing_ok=True)
        raise RefusedInput(
            "ARCHIVE_MEMBER", "a member cannot be read", "complete data", type(error).__name__, "copy the archive again"
        ) from error
    return path
