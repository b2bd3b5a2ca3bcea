"""Bodies of requests: read within limits, and written again from checked values."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from .routes import SESSION_FILES, Fields
from .values import check_shown, read

UPLOAD_BYTES, JSON_BYTES = 512 * 2**20, 2**20
CHUNK_BYTES = 2**20
Files = list[tuple[str, str, UploadFile]]  # field, name, content


async def read_json(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a JSON request.

    Raises:
        HTTPException: 413 for a body that is too large, 415 for another media type.
    """
    body = await Request(scope, limited(receive, scope, JSON_BYTES)).body()
    if body:
        check_kind(scope, "application/json")
    return body


async def read_form(
    scope: Scope, receive: Receive, kind: type[Fields], labels: list[str]
) -> tuple[dict[str, str], Files]:
    """Return the checked text fields, and the files with their checked names.

    Raises:
        HTTPException: 413 for a body that is too large, 415 for another media type.
        ValueError: a field is invalid.
    """
    check_kind(scope, "multipart/form-data", "application/x-www-form-urlencoded", "")
    request = Request(scope, limited(receive, scope, UPLOAD_BYTES))
    try:
        items = (await request.form(max_files=SESSION_FILES, max_fields=16, max_part_size=JSON_BYTES)).multi_items()
    except (MultiPartException, HTTPException, LookupError) as error:
        if getattr(error, "status_code", 400) != 400:
            raise
        raise ValueError("form: not accepted; expected fields and files within limits") from None
    files = [(key, value) for key, value in items if isinstance(value, UploadFile)]
    given = single([(key, value) for key, value in items if isinstance(value, str)])
    many = [file.filename or "" for key, file in files if key == "files"]
    names: dict[str, Any] = single([(key, file.filename or "") for key, file in files if key != "files"])
    names |= {"files": many} if many else {}
    if both := sorted(names.keys() & given.keys()):
        raise ValueError(f"{check_shown(both[0])}: given twice; expected one value; leave one out")
    fields = read(kind, given | names, labels).model_dump(mode="json", round_trip=True, exclude_none=True)
    checked = iter(fields.pop("files", []))
    return fields, [(key, next(checked) if key == "files" else fields.pop(key), file) for key, file in files]


def single(items: list[tuple[str, str]]) -> dict[str, str]:
    """Return the fields that have a value.

    Raises:
        ValueError: a field is given twice; different readers might use different values.
    """
    fields: dict[str, str] = {}
    for key, value in items:
        if key in fields:
            raise ValueError(f"{check_shown(key)}: given twice; expected one value; leave one out")
        fields[key] = value
    return {key: value for key, value in fields.items() if value}


def only(scope: Scope, name: str) -> str:
    """Return the value of a header in lower case, empty where it is absent.

    Raises:
        HTTPException: 400 for a header that is given twice.
    """
    found = Headers(scope=scope).getlist(name)
    if len(found) > 1:
        raise HTTPException(400, f"{name}: given twice; expected one value; leave one out")
    return found[0].lower() if found else ""


def check_kind(scope: Scope, *kinds: str) -> None:
    """Reject other media types, because a browser lets any page send plain text without a preflight request.

    Raises:
        HTTPException: 415.
    """
    kind = only(scope, "content-type").partition(";")[0].strip()
    if kind not in kinds:
        raise HTTPException(415, f"Content-Type: not accepted; expected {kinds[0]}, found {check_shown(kind)}")


def limited(receive: Receive, scope: Scope, limit: int) -> Receive:
    """Return a ``receive`` that accepts at most ``limit`` bytes, whatever the header announces.

    Raises:
        HTTPException: 413.
    """
    refusal = HTTPException(413, f"body: too large; expected at most {limit} bytes; send less at once")
    announced = only(scope, "content-length")
    if announced.isdecimal() and int(announced) > limit:
        raise refusal
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise refusal
        return message

    return counted


def json_body(scope: Scope, receive: Receive, body: str) -> tuple[Scope, Receive]:
    """Return the request with a JSON body."""

    async def once() -> AsyncIterator[bytes]:
        yield body.encode()

    return replaced(scope, receive, "application/json", once())


def form_body(scope: Scope, receive: Receive, fields: Mapping[str, str], files: Files) -> tuple[Scope, Receive]:
    """Return the request with a form as its body."""
    boundary = secrets.token_hex(16)
    kind = f"multipart/form-data; boundary={boundary}"
    return replaced(scope, receive, kind, multipart(fields, files, boundary))


async def multipart(fields: Mapping[str, str], files: Files, boundary: str) -> AsyncIterator[bytes]:
    """Yield the parts of a form; all names are checked, so none contains a quote."""
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    for key, value in fields.items():
        yield f'{start}{key}"\r\n\r\n{value}\r\n'.encode()
    for key, name, file in files:
        yield f'{start}{key}"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        while chunk := await file.read(CHUNK_BYTES):
            yield chunk
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def replaced(scope: Scope, wait: Receive, kind: str, chunks: AsyncIterator[bytes]) -> tuple[Scope, Receive]:
    """Return a request with another body; after the body, only the end of the connection is received."""
    gone = (b"content-type", b"content-length", b"transfer-encoding")
    headers = [(key, value) for key, value in scope["headers"] if key.lower() not in gone]
    ended = False

    async def receive() -> Message:
        nonlocal ended
        if ended:
            return await wait()
        chunk = await anext(chunks, None)
        ended = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": not ended}

    return {**scope, "headers": [*headers, (b"content-type", kind.encode())]}, receive
