"""Names that MLflow accepts, and messages that are safe and short enough for the log."""

from __future__ import annotations

import hashlib
import re

from ..common.printable import shortened

_LONGEST_REASON = 200  # characters


def metric_name(name: str) -> str:
    """Name that MLflow accepts: letters, digits, spaces and the characters ``_ - . :``.

    In any other name, for example one with the label ``Nodule (<6 mm)``, other characters become underscores, and a
    part of its SHA-256 is appended, so that two labels never share a metric.
    """
    accepted = re.sub(r"[^\w\-.: ]", "_", name)[:200]
    return name if accepted == name else f"{accepted}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def first_line(error: BaseException) -> str:
    """First line of the message of an error, without passwords and short enough for a line of the log."""
    return shortened(without_password((str(error).splitlines() or [""])[0]), _LONGEST_REASON)


def without_password(text: str) -> str:
    """Text for the log, without the user and password that a URI in it may contain."""
    return re.sub(r"(?<=//)[^/@\s]*@", "", text)
