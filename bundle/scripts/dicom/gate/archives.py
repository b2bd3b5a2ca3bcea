"""Extraction of zip archives. Members are written to a private temporary folder and named by number.

No path is built from a name in the archive, and sizes are checked before anything is inflated. Compression shrinks a
radiograph to a tenth at best, so a member that claims a ratio above ``_MAX_RATIO`` is a zip bomb. An archive within an
archive is not opened. ``zipfile`` reads the list of members at once, so its size is limited as well.
"""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ...common.printable import shortened
from ...common.refusal import RefusedInput
from ..budget import MAX_INFLATED_BYTES
from .media import Medium, find_medium, is_dicomdir
from .study_selection import is_candidate

_MAX_ARCHIVE_BYTES = 20_000_000_000
_MAX_READ_BYTES = 16_000_000  # at once; the list of 100,000 members has about 10 MB
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


def kept_suffix(name: str) -> str:
    """Suffix of a file name that a reader depends on, in lower case; empty for every other."""
    return next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), "")


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether data have far more bytes than radiographs that were compressed to ``packed`` bytes.

    Args:
        unpacked: bytes after unpacking, as the archive claims; ``zipfile`` unpacks no more.
        packed: bytes in the archive.
    """
    return unpacked > _SMALL_BYTES and unpacked > _MAX_RATIO * max(packed, 1)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose list of members is not too long.

    Raises:
        RefusedInput: ``ARCHIVE_SIZE``: the list is too long, or ``ARCHIVE``: the file is not a complete archive.
    """
    with _LimitedReads(io.FileIO(path)) as file:
        try:
            content = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
            if isinstance(error, RefusedInput):
                raise
            raise RefusedInput(
                "ARCHIVE", "the archive cannot be opened", "a complete zip file", type(error).__name__,
                "copy it again, or unpack it",
            ) from error  # fmt: skip
        with content:
            yield content


class _LimitedReads(io.BufferedReader):
    """File that is not read in large parts: a list of 10 million members would fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read from the file, as ``io.BufferedReader.read`` does."""
        rest = os.fstat(self.fileno()).st_size - self.tell()
        if (rest if size is None or size < 0 else min(size, rest)) > _MAX_READ_BYTES:
            raise RefusedInput(
                "ARCHIVE_SIZE", "the list of the archive's members is too long",
                f"at most {_MAX_READ_BYTES // 1_000_000} MB", "more", "unpack it, and give the folder",
            )  # fmt: skip
        return super().read(size)


def image_members(content: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Members of an archive that may be images, according to their names."""
    return [info for info in content.infolist() if _is_image(info)]


def extract_members(archive: Path, unpack_to: Path | None = None) -> Iterator[Member]:
    """Extract the members that may be images, in the order of their names.

    An archive that is rejected as a whole yields one member without a path.

    Args:
        archive: zip file.
        unpack_to: folder for the extracted files, which the caller removes; ``None``: a temporary folder that is
            removed when the program ends.
    """
    try:
        with open_archive(archive) as content:
            members = image_members(content)
            _check_total(sum(info.file_size for info in members))
            folder = Path(tempfile.mkdtemp(prefix="cxr-attention-sr-", dir=unpack_to))  # readable by this user only
            if unpack_to is None:
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
    if info.file_size > MAX_INFLATED_BYTES or is_bomb(info.file_size, info.compress_size):
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
    path = folder / f"{number:06}{kept_suffix(name)}"
    try:
        with content.open(info) as source, path.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)  # zipfile stops at the size that was checked
    except Exception as error:  # zlib.error, BadZipFile, EOFError
        path.unlink(missing_ok=True)
        raise RefusedInput(
            "ARCHIVE_MEMBER", "a member cannot be read", "complete data", type(error).__name__, "copy the archive again"
        ) from error
    return path
