"""Parts of a multipart response (RFC 2046), as DICOMweb servers write them.

The boundary of the header may be quoted, in apostrophes or missing, and some servers put the two dashes in front of it
into the header already. Lines may end without a carriage return.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .refusals import unreadable

_MAX_PARTS = 16  # one part is expected
_BOUNDARY = re.compile(r"""boundary\s*=\s*(?:"([^"]*)"|'([^']*)'|([^;\s]+))""", re.IGNORECASE)
_FIRST_LINE = re.compile(rb"\s*(--[^\r\n]+?)[ \t]*\r?\n")
_HEADER_LINES = re.compile(rb"[ \t]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n")


def split_parts(content: bytes, content_type: str) -> list[bytes]:
    """Return the bodies of all parts; the content itself for a response that is not multipart.

    Args:
        content: body of the response.
        content_type: header of the response.

    Raises:
        RefusedInput: ``PACS_RESPONSE`` for too many parts, or none.
    """
    if not content_type.strip().lower().startswith("multipart/"):
        return [content]
    parts: list[bytes] = []
    lines = list(_delimiter_lines(content, content_type))
    for (_, start), (end, _) in zip(lines, [*lines[1:], (len(content), 0)], strict=True):
        header = _HEADER_LINES.match(content, start, end)  # nothing follows the last delimiter
        if header is not None:
            line_end = 0 if end == len(content) else 2 if content[end - 2 : end] == b"\r\n" else 1
            parts.append(content[header.end() : end - line_end])
    parts = [part for part in parts if part]
    if not parts:
        raise unreadable("a response without a part", "a DICOM file")
    return parts


def _delimiter_lines(content: bytes, content_type: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each delimiter, at the beginning of a line.

    Raises:
        RefusedInput: ``PACS_RESPONSE`` for too many delimiters.
    """
    delimiter, at, count = _delimiter(content, content_type), -1, 0
    while delimiter and (at := content.find(delimiter, at + 1)) >= 0:
        end = at + len(delimiter)
        if content[max(at - 1, 0) : at] in (b"", b"\n") and content[end : end + 1] in (b"", b"\r", b"\n", b"-", b" "):
            count += 1
            if count > _MAX_PARTS + 1:
                raise unreadable("too many parts", f"at most {_MAX_PARTS}")
            yield at, end


def _delimiter(content: bytes, content_type: str) -> bytes:
    """Return the delimiter of the content: the boundary behind two dashes, the boundary itself, or the first line."""
    found = _BOUNDARY.search(content_type)
    boundary = next(filter(None, found.groups()), "").encode() if found else b""
    line = _FIRST_LINE.match(content)
    candidates = [b"--" + boundary, boundary if boundary.startswith(b"--") else b"", line[1] if line else b""]
    return next((one for one in candidates if one.strip(b"-") and one in content), b"")
