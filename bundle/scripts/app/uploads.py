"""Request -> file in the private folder of a batch, within limits of name, size and time.

A file is sent as the body of a request of its own, and its name in the query. So there is no form to parse, and a file
that is refused costs no other. On disk a file has a number and what is harmless of its name; the results show the name
as it was given.
"""

from __future__ import annotations

import asyncio
import shutil
import unicodedata
import zipfile
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..common.atomic import open_for_owner
from ..common.printable import file_stem
from ..common.refusal import RefusedInput
from ..dicom.budget import MAX_FILE_BYTES
from ..dicom.gate.archives import image_members, is_archive, is_bomb, kept_suffix, open_archive
from .batch_queue import BatchQueue
from .film_batch import Batch, State

MAX_FILES, MAX_BATCH_BYTES = 500, 2_000_000_000
_MAX_MEMBERS, _MAX_UNPACKED_BYTES = 2000, 5_000_000_000  # of an archive
_FREE_BYTES = 1_000_000_000  # stay free on the disk
_FILE_S = 300  # for a file
_LONGEST_NAME = 255


async def receive_file(request: Request, batches: BatchQueue, key: str) -> None:
    """Add the file of a request to a batch.

    Args:
        request: request with the file as its body and the ``name`` in its query.
        batches: all batches.
        key: key of the batch.

    Raises:
        HTTPException: 400 for an unusable name or archive, 404 or 409 for the batch, 408 for a body that is not
            complete in time, 411 without Content-Length, 413 for a file, an archive or a batch that is too large, 507
            for a full disk.
    """
    batch = batches.find(key, State.RECEIVING)
    name = _checked_name(request)
    size = _checked_size(request, batch)
    if batch.is_receiving:
        raise HTTPException(409, "batch: another of its files is being received; send one at a time")
    suffix = ".zip" if is_archive(Path(name)) else kept_suffix(name)
    path = batch.uploads / f"{next(batch.numbers):05}_{file_stem(Path(name))}{suffix}"
    batch.is_receiving = True
    try:
        async with asyncio.timeout(_FILE_S):
            await _save(request, path, size)
        if suffix == ".zip":
            await run_in_threadpool(_check_archive, path)
        batches.add(key, path, name, size)
    except BaseException as error:  # a disconnection cancels the task
        path.unlink(missing_ok=True)
        if isinstance(error, TimeoutError):
            raise HTTPException(408, f"body: not complete after {_FILE_S} s; send it again") from None
        raise
    finally:
        batch.is_receiving = False


async def _save(request: Request, path: Path, size: int) -> None:
    """Write the body to a file.

    Raises:
        HTTPException: 413 for a body that is larger than announced, 507 for a full disk.
    """
    received = 0
    with open(path, "xb", opener=partial(open_for_owner, owner_only=True)) as file:
        async for chunk in request.stream():
            received += len(chunk)
            if received > size:
                raise HTTPException(
                    413, f"body: larger than announced; expected {size} bytes, found more; send it again"
                )
            _check_disk(path.parent, len(chunk))
            file.write(chunk)


def _checked_name(request: Request) -> str:
    """Return the name of the file, which is shown, and never used as a path.

    Raises:
        HTTPException: 400.
    """
    names = request.query_params.getlist("name")
    if len(names) != 1 or not 0 < len(names[0]) <= _LONGEST_NAME:
        raise HTTPException(400, f"name: expected one of 1 to {_LONGEST_NAME} characters; rename the file")
    if reason := _unsafe(names[0]) or ("a separator" if set(names[0]) & {"/", "\\"} else ""):
        raise HTTPException(400, f"name: not accepted; expected the name of a file, found {reason}; rename the file")
    return names[0]


def _unsafe(name: str) -> str:
    """Return what is unsafe in the name of a file or of a member of an archive; empty for a good name."""
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return "a control character"
    if set(PurePosixPath(name.replace("\\", "/")).parts) & {".."} or name == ".":
        return "a path that leads upwards"
    return "a path from the root" if name[:1] in ("/", "\\") or PureWindowsPath(name).drive else ""


def _checked_size(request: Request, batch: Batch) -> int:
    """Return the announced bytes of the body.

    Raises:
        HTTPException: 411, 413 or 507.
    """
    announced = request.headers.get("content-length", "")
    if not announced.isdecimal():
        raise HTTPException(411, "Content-Length: missing; expected the bytes of the file; send it")
    size = int(announced)
    if size > MAX_FILE_BYTES:
        raise _too_large("file", f"{MAX_FILE_BYTES // 10**6} MB", f"{size // 10**6} MB; send the image alone")
    if len(batch.names) >= MAX_FILES or batch.size + size > MAX_BATCH_BYTES:
        limits = f"{MAX_FILES} files and {MAX_BATCH_BYTES // 10**9} GB"
        raise _too_large("batch", limits, "more; send the rest as another batch")
    _check_disk(batch.uploads, size)
    return size


def _too_large(what: str, limit: str, found: str) -> HTTPException:
    """Return the error for something above a limit."""
    return HTTPException(413, f"{what}: too large; expected at most {limit}, found {found}")


def _check_disk(folder: Path, size: int) -> None:
    """Check that ``size`` bytes leave space on the disk.

    Raises:
        HTTPException: 507.
    """
    if shutil.disk_usage(folder).free - size < _FREE_BYTES:
        raise HTTPException(507, "disk: too full for this file; free some space on the computer of the server")


def _check_archive(path: Path) -> None:
    """Reject an archive with unsafe names, without an image, or that is much larger than it seems.

    Raises:
        HTTPException: 400 or 413.
    """
    try:
        with open_archive(path) as content:
            members = content.infolist()
            _check_members(members, path.stat().st_size)
            if not image_members(content):
                raise HTTPException(400, "archive: no image; expected at least one; check the file")
    except RefusedInput as refusal:
        status = 413 if refusal.code == "ARCHIVE_SIZE" else 400
        raise HTTPException(
            status, f"archive: {refusal.what}; expected {refusal.expected}, found {refusal.found}"
        ) from None


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """Check names and sizes of the members of an archive of ``size`` bytes.

    Raises:
        HTTPException: 400 or 413.
    """
    if len(members) > _MAX_MEMBERS:
        raise _too_large("archive", f"{_MAX_MEMBERS} files", f"{len(members)}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > _MAX_UNPACKED_BYTES:
        raise _too_large("archive", f"{_MAX_UNPACKED_BYTES // 10**9} GB unpacked", f"{unpacked // 10**9} GB")
    if is_bomb(unpacked, size) or any(is_bomb(member.file_size, member.compress_size) for member in members):
        raise HTTPException(413, "archive: a zip bomb; expected radiographs, found data that are far larger unpacked")
    for number, member in enumerate(members, start=1):
        if reason := _unsafe(member.orig_filename):
            raise HTTPException(
                400, f"archive: the name of file {number} is not accepted; found {reason}; pack it again"
            )
