"""Checks a setting that is one of a few names, and says which name was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .printable import quoted

_LISTED = 20


def check_choice(key: str, value: object, choices: Iterable[str]) -> None:
    """Reject a value that is none of the choices.

    Args:
        key: name of the setting, as the user spells it.
        value: what was found.
        choices: names that exist.

    Raises:
        ValueError: naming the key, the choices (where they are few), the value and the nearest choice.
    """
    names = list(choices)
    if value in names:
        return
    expected = f"one of {', '.join(names)}" if len(names) <= _LISTED else "a name that exists"
    nearest = difflib.get_close_matches(str(value), names, n=1, cutoff=0.0)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"{key}: not known; expected {expected}, found {quoted(value)}{hint}")
