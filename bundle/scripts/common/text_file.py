"""Reads text and JSON files, with errors that name the file, the line and the remedy."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from .printable import quoted

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Beginnings of files that are often found in place of another file: (bytes, name of the content, remedy).
_SUBSTITUTES = (
    (b"version https://git-lfs", "a Git LFS pointer", "download the content with git lfs pull"),
    (b"<!doctype html", "an HTML page", "download the file itself, not the page about it"),
    (b"<html", "an HTML page", "download the file itself, not the page about it"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx (also any other ZIP archive) and .xls


def find_substitute(content: bytes) -> tuple[str, str] | None:
    """Recognise content that is often found in place of another file.

    Args:
        content: beginning of the file, at least 64 bytes of a longer file.

    Returns:
        Name of the content and remedy; ``None`` for any other content.
    """
    if not content.strip(b"\0 \r\n\t"):
        return "an empty file", "copy or download the file again"
    start = content[:64].lstrip().lower()
    return next(((name, remedy) for mark, name, remedy in _SUBSTITUTES if start.startswith(mark)), None)


def read_text(path: Path, expected: str) -> str:
    """Text of a file in UTF-8 (with or without a byte order mark) or in UTF-16 with one, plain or gzipped.

    Args:
        path: file to read.
        expected: content of the file, for error messages, for example ``a table``.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is empty, a damaged archive, another kind of file, or text in another encoding.
    """
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: damaged gzip archive; expected {expected}, found {error}; copy or download the file again"
            ) from error
    substitute = find_substitute(content)
    if content.startswith(_WORKBOOKS):
        substitute = "an Excel workbook or ZIP archive", "save the table as CSV UTF-8, or extract the archive"
    elif b"\0" in content and not content.startswith(_UTF16):
        substitute = substitute or ("binary data", "name the right file, or save it in UTF-8")
    if substitute:
        raise ValueError(f"{path}: cannot be read; expected {expected}, found {substitute[0]}; {substitute[1]}")
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}: line {line}: not UTF-8; expected {expected} in UTF-8, found the byte 0x{content[error.start]:02x}"
            "; save the file in UTF-8, for example with iconv -f WINDOWS-1252 -t UTF-8"
        ) from error


def read_json(path: Path, expected: str, remedy: str) -> Any:
    """Content of a JSON file.

    Args:
        path: file to read.
        expected: content of the file, for error messages, for example ``a datalist``.
        remedy: action for the user if the file is not JSON.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not JSON text.
    """
    return parse_json(read_text(path, expected), str(path), expected, remedy)


def parse_json(text: str, where: str, expected: str, remedy: str) -> Any:
    """Value of JSON text.

    Args:
        text: text to parse.
        where: file, row or key that it comes from, for error messages.
        expected: meaning of the value, for error messages.
        remedy: action for the user if the text is not JSON.

    Raises:
        ValueError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        found = (
            f"{quoted(error.doc[error.pos : error.pos + 20])}" if error.pos < len(error.doc) else "the end of the text"
        )
        raise ValueError(
            f"{where}: not JSON; expected {expected}, found {found} in line {error.lineno}, column {error.colno}; "
            f"{remedy}"
        ) from error
    except RecursionError as error:
        raise ValueError(f"{where}: not JSON; expected {expected}, found brackets nested too deep; {remedy}") from error
