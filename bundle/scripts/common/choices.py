"""Check that a setting, or a key of nested settings, is an allowed name; the message suggests the nearest one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

from .printable import quoted

_LISTED = 20


def check_choice(key: str, value: object, choices: Iterable[str]) -> None:
    """Reject a value that is not among the allowed names.

    Args:
        key: name of the setting, as the user writes it.
        value: value of the setting.
        choices: allowed names.

    Raises:
        ValueError: the value is not allowed. The message states the key, the allowed names (up to 20), the value and
            the nearest allowed name.
    """
    names = list(choices)
    if value in names:
        return
    expected = f"one of {', '.join(names) or 'nothing'}" if len(names) <= _LISTED else "a name that exists"
    nearest = difflib.get_close_matches(str(value), names, n=1, cutoff=0.0)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"{key}: not known; expected {expected}, found {quoted(value)}{hint}")


def check_keys(key: str, settings: object, allowed: Collection[str]) -> None:
    """Reject nested settings that are not a mapping with allowed keys.

    Args:
        key: name of the setting that contains them, as the user writes it.
        settings: value of the setting.
        allowed: allowed keys.

    Raises:
        ValueError: the value is not a mapping, or has a key that is not allowed.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(
            f"{key}: not nested settings; expected {{key: value, …}}, found {quoted(settings)}; correct it"
        )
    for name in settings:
        if name not in allowed:
            check_choice(f"{key}: key", name, allowed)
