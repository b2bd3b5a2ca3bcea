"""One request and its answer, within limits: where it goes, and how many bytes and parts come back.

Without them ``requests`` follows a redirect to any host, and sends the body of the request there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from ..dicom import RefusedInput
from ..dicom.budget import MAX_FILE_BYTES
from .deadline import TimedAdapter
from .refusals import NONSENSE, redirected, too_large

_MAX_TEXT_BYTES = 50_000_000  # of an answer that is no DICOM file: a page of search results has a few MB
_MAX_PARTS = 16  # of a multipart answer; one is asked for
_MAX_REDIRECTS = 3
# Deflated Explicit VR Little Endian as a value: pydicom inflates such a data set in one piece, 1 MB to 1 GB (measured).
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,64}")


def _origin_of(url: str) -> str:
    """Scheme, host and port of a URL, with the port in any case; ``another address`` for what cannot be shown."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "another address"
    host = parts.hostname or ""
    origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    return origin if _ORIGIN.fullmatch(origin) else "another address"


class BoundSession(requests.Session):
    """Session that sends nothing to another scheme, host or port than those of its server, whoever asks for it.

    A redirect on the same server is followed, for a request without a body.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.origin = _origin_of(url)
        self.max_redirects = _MAX_REDIRECTS
        self.hooks["response"].append(_limit_body)
        self.mount("http://", TimedAdapter())
        self.mount("https://", TimedAdapter())

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Every request comes through here: the first one, and each redirect.

        Raises:
            RefusedInput: ``PACS_REFUSED``; nothing was sent.
        """
        origin = _origin_of(request.url or "")
        if origin != self.origin:
            raise redirected(origin)
        return super().send(request, **options)

    def rebuild_method(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Called for each redirect; one of a request with a body would send the body again, or become a GET.

        Raises:
            RefusedInput: ``PACS_REFUSED``.
        """
        if prepared_request.method != "GET":
            raise redirected(_origin_of(prepared_request.url or ""))


class LimitedBody:
    """Body of an answer that ends in a refusal when there is too much of it; counted after inflating.

    Args:
        raw: of urllib3.
        limit: in bytes.
        marks: bytes that may occur so many times, and the refusal when they occur more often.
    """

    def __init__(self, raw: Any, limit: int, marks: Sequence[tuple[bytes, int, RefusedInput]]) -> None:
        self.raw, self.limit, self.marks = raw, limit, marks

    def stream(self, size: int, decode_content: bool = True) -> Iterator[bytes]:
        """Chunks, as of urllib3."""
        seen, counts, ends = 0, [0] * len(self.marks), [b""] * len(self.marks)
        for chunk in self.raw.stream(size, decode_content=decode_content):
            seen += len(chunk)
            if seen > self.limit:
                raise too_large(self.limit)
            for index, (mark, most, refusal) in enumerate(self.marks):
                text = ends[index] + chunk  # a mark may lie on the border of two chunks
                counts[index] += text.count(mark)
                ends[index] = text[max(len(text) - len(mark) + 1, 0) :]
                if counts[index] > most:
                    raise refusal
            yield chunk

    def read(self, *_: Any, decode_content: bool = True) -> bytes:
        """All of it; requests reads the body of a redirect in this way when it cannot inflate it."""
        return b"".join(self.stream(1 << 16, decode_content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _limit_body(response: requests.Response, **_: Any) -> None:
    """Hook of a session: runs before the body is read.

    Raises:
        RefusedInput: ``PACS_REFUSED`` for a redirect that leads nowhere; the client would take it for success.
    """
    if 300 <= response.status_code < 400 and not response.is_redirect:
        raise redirected(f"status {response.status_code}")
    if "multipart/related" not in response.request.headers.get("Accept", ""):  # what was asked for, not what is said
        response.raw = LimitedBody(response.raw, _MAX_TEXT_BYTES, [])
        return
    marks = [(_DEFLATED, 0, _unreadable("a deflated data set, which may inflate a thousandfold", "one that is not"))]
    if found := re.search(r'boundary="*([^";]+)', response.headers.get("Content-Type", ""), re.IGNORECASE):
        marks.append((f"--{found[1]}".encode(), _MAX_PARTS, _unreadable("too many parts", f"at most {_MAX_PARTS}")))
    response.raw = LimitedBody(response.raw, MAX_FILE_BYTES, marks)


def _unreadable(what: str, expected: str) -> RefusedInput:
    """Refusal of what dicomweb-client would take into memory, however large it becomes there."""
    return RefusedInput(
        NONSENSE, f"the PACS sends {what}", expected, "it",
        "check the study in the PACS; export the film and name its file",
    )  # fmt: skip
