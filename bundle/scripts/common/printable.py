"""Text from outside (names of files, values of headers and tables, labels), made fit to be shown to a person.

A line break in a name forges a line of a log, an escape sequence rewrites a terminal, a direction override shows one
name as another, and half a character of another encoding ends the program that prints it. Whatever is not printable is
written as an escape, here, for messages, tables and logs alike.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 64  # characters of a value that a message quotes
SHOWN_MESSAGE = 2000
_LONGEST_LABEL = 100
_LONGEST_STEM = 200  # bytes; a file name has at most 255
# Top-level packages whose log records are made printable: ours, under both of its names, and what logs our errors.
_PACKAGES = {"scripts", "cxr_attention_sr", "ignite", "monai"}


def printable(text: str) -> str:
    r"""Text in which whatever is not printable is an escape of Python, for example ``\n``, ``\x1b`` or ``\udce9``.

    Printable text, which has no escape to be made of, comes back as it is; so it is safe to apply this twice.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def shortened(text: str, longest: int = _SHOWN) -> str:
    """Printable text of at most ``longest`` characters, with ``…`` for its middle where there are more."""
    return _cut(printable(_cut(text, longest)), longest)  # the first cut spares us the escapes of a huge value


def _cut(text: str, longest: int) -> str:
    """Begin and end of a text, which together have ``longest`` characters."""
    if len(text) <= longest:
        return text
    begin = longest // 2
    return f"{text[:begin]}…{text[begin + 1 - longest :]}"


def file_stem(path: Path) -> str:
    """Name of a file without its suffix, as part of the name of another: printable, and not too long for that."""
    stem = "".join(letter if letter.isprintable() else "_" for letter in path.stem)
    return stem.encode()[:_LONGEST_STEM].decode(errors="ignore")


def quoted(value: object) -> str:
    """A value of a table or a file as Python writes it, a text in quotation marks; at most ``SHOWN`` characters."""
    return shortened(repr(value))


def check_labels(labels: Sequence[object], where: str) -> None:
    """Refuse names of labels that cannot be shown: they become columns, headings and lines of a log.

    Raises:
        ValueError: naming the first.
    """
    for label in labels:
        if not isinstance(label, str) or not 0 < len(label) <= _LONGEST_LABEL or not label.isprintable():
            raise ValueError(
                f"{where}: labels: a name cannot be shown; expected 1 to {_LONGEST_LABEL} printable characters, found "
                f"{quoted(label)}; rename it"
            )


class PrintableRecord(logging.LogRecord):
    """Log record whose message cannot pass for another one.

    The package makes it the class of all records when it is imported: MONAI 1.6.1 refuses a ``logging.conf`` with a
    formatter of ours, and whoever runs a bundle's workflow may log through handlers of their own.
    """

    def getMessage(self) -> str:  # noqa: N802 - the name in the library
        """The message; line breaks are escaped unless the template has some, and then each further line is indented."""
        message = super().getMessage()
        if self.name.partition(".")[0] not in _PACKAGES:
            return message
        if "\n" not in str(self.msg):
            return printable(message)
        return "\n    ".join(map(printable, message.split("\n")))
