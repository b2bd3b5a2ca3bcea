"""HTTP session that sends requests to one server only, and limits the bytes and parts of each response.

``requests`` alone follows a redirect to any host and sends the body of the request there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests

from ..dicom import RefusedInput
from ..dicom.budget import MAX_FILE_BYTES
from .deadline import TimedAdapter
from .refusals import redirected, too_large, unreadable

_MAX_TEXT_BYTES = 50_000_000  # for a response without DICOM files; a page of search results has a few MB
_MAX_REDIRECTS = 3
# Deflated Explicit VR Little Endian: pydicom inflates such a data set in one piece, 1 MB to 1 GB (measured).
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,64}")


def _origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, always with the port; ``another address`` for an unprintable URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "another address"
    host = parts.hostname or ""
    origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    return origin if _ORIGIN.fullmatch(origin) else "another address"


class BoundSession(requests.Session):
    """Session that sends requests only to the scheme, host and port of one server, also after redirects.

    A redirect within the server is followed for requests without a body.

    Args:
        url: URL of the server.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.origin = _origin_of(url)
        self.max_redirects = _MAX_REDIRECTS
        self.hooks["response"].append(_limit_body)
        self.mount("http://", TimedAdapter())
        self.mount("https://", TimedAdapter())

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request; each redirect passes through this method as well.

        Raises:
            RefusedInput: ``PACS_REFUSED`` for another server; nothing was sent.
        """
        origin = _origin_of(request.url or "")
        if origin != self.origin:
            raise redirected(origin)
        return super().send(request, **options)

    def rebuild_method(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Reject a redirect of a request with a body: the body would be sent again, or the request become a GET.

        Raises:
            RefusedInput: ``PACS_REFUSED``.
        """
        if prepared_request.method != "GET":
            raise redirected(_origin_of(prepared_request.url or ""))


class LimitedBody:
    """Body of a response that raises an error when it exceeds its limits, measured after decompression.

    Args:
        raw: response of urllib3.
        limit: limit in bytes.
        forbidden: (byte string that must not occur, error for it).
    """

    def __init__(self, raw: Any, limit: int, forbidden: tuple[bytes, RefusedInput] | None = None) -> None:
        self.raw, self.limit, self.forbidden = raw, limit, forbidden

    def stream(self, size: int, decode_content: bool = True) -> Iterator[bytes]:
        """Yield chunks of the body, see :class:`urllib3.response.HTTPResponse`."""
        seen, before = 0, b""
        for chunk in self.raw.stream(size, decode_content=decode_content):
            seen += len(chunk)
            if seen > self.limit:
                raise too_large(self.limit)
            if self.forbidden is not None:
                mark, refusal = self.forbidden
                if mark in before + chunk:  # it may be split between two chunks
                    raise refusal
                before = (before + chunk)[1 - len(mark) :]
            yield chunk

    def read(self, *_: Any, decode_content: bool = True) -> bytes:
        """Return the whole body; requests reads a redirect's body in this way when it cannot decompress it."""
        return b"".join(self.stream(1 << 16, decode_content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _limit_body(response: requests.Response, **_: Any) -> None:
    """Set the limits of a response; a hook of the session that runs before the body is read.

    Raises:
        RefusedInput: ``PACS_REFUSED`` for a redirect without a target, which the client would take for success.
    """
    if 300 <= response.status_code < 400 and not response.is_redirect:
        raise redirected(f"status {response.status_code}")
    # The request decides, because the server controls the headers of the response.
    if "multipart/related" not in response.request.headers.get("Accept", ""):
        response.raw = LimitedBody(response.raw, _MAX_TEXT_BYTES)
        response.json = partial(_read_json, response)  # type: ignore[method-assign]
        return
    refusal = unreadable("a deflated data set, which may inflate a thousandfold", "one that is not")
    response.raw = LimitedBody(response.raw, MAX_FILE_BYTES, (_DEFLATED, refusal))


def _read_json(response: requests.Response, **_: Any) -> Any:
    """Read the JSON of a response with the faults of some servers, which would cost all results of the page.

    These are a byte order mark, control characters in strings, and names in another encoding than UTF-8.
    """
    return json.loads(response.content.decode("utf-8-sig", errors="replace"), strict=False)
