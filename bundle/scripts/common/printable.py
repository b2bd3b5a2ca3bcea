"""Escapes for text from outside: names of files, values of headers and tables, labels.

Unprintable characters are dangerous where the text is shown. A line break in a name forges a line of a log, an escape
sequence rewrites a terminal, a direction override makes one name look like another, and a lone surrogate ends the
program that prints it. These functions replace unprintable characters by escapes in messages, tables and logs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 64  # most characters of a value that a message quotes
SHOWN_MESSAGE = 2000  # most characters of a message
_LONGEST_LABEL = 100
_NOT_IN_NAMES = frozenset('<>:"/\\|?*')
_LONGEST_STEM = 200  # bytes; a file name has at most 255
# Top-level packages whose log records are made printable: this one, which is imported under several names, and the
# libraries that log its errors.
_PACKAGES = {__name__.partition(".")[0], "ignite", "monai"}


def printable(text: str) -> str:
    r"""Text with unprintable characters as Python escapes, for example ``\n``, ``\x1b`` or ``\udce9``.

    Printable text is returned unchanged, so the function may be applied twice.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def shortened(text: str, longest: int = _SHOWN) -> str:
    """Printable text of at most ``longest`` characters; the middle of a longer text is replaced by ``…``."""
    return _cut(printable(_cut(text, longest)), longest)  # the inner cut avoids escaping a huge value


def _cut(text: str, longest: int) -> str:
    """Beginning and end of a text with ``…`` between them, ``longest`` characters in all; a shorter text unchanged."""
    if len(text) <= longest:
        return text
    begin = longest // 2
    return f"{text[:begin]}…{text[begin + 1 - longest :]}"


def file_stem(path: Path) -> str:
    """Name of a file without its suffix, fit to follow a number in the name of another file on every system.

    It is printable and short, and has none of the characters and ends that Windows does not allow. Its reserved names,
    such as ``CON``, are none after a number.
    """
    stem = "".join(letter if letter.isprintable() and letter not in _NOT_IN_NAMES else "_" for letter in path.stem)
    return stem.encode()[:_LONGEST_STEM].decode(errors="ignore").rstrip(". ")


def quoted(value: object) -> str:
    """``repr`` of a value for a message, printable and at most 64 characters long."""
    return shortened(repr(value))


def check_labels(labels: Sequence[object], where: str) -> None:
    """Reject labels that cannot be shown as a column, a heading or part of a line in a log.

    Args:
        labels: names of the labels.
        where: file or key that the labels come from, for the message.

    Raises:
        ValueError: a label is no text, empty, too long or unprintable; the message names the first.
    """
    for label in labels:
        if not isinstance(label, str) or not 0 < len(label) <= _LONGEST_LABEL or not label.isprintable():
            raise ValueError(
                f"{where}: labels: a name cannot be shown; expected 1 to {_LONGEST_LABEL} printable characters, found "
                f"{quoted(label)}; rename it"
            )


class PrintableRecord(logging.LogRecord):
    """Log record whose message cannot be mistaken for several records.

    :func:`.program_start.start_program` makes this the class of all log records. A formatter would not be enough: MONAI
    1.6.1 rejects a ``logging.conf`` that names a custom formatter, and users of a bundle's workflow may have handlers
    of their own.
    """

    def getMessage(self) -> str:  # noqa: N802 - name in the base class
        """Message with escaped line breaks; those of the template stay, and the lines after them are indented."""
        message = super().getMessage()
        if self.name.partition(".")[0] not in _PACKAGES:
            return message
        if "\n" not in str(self.msg):
            return printable(message)
        return "\n    ".join(map(printable, message.split("\n")))
