"""Reads the age, sex and view of a film as tables write them. All layouts use these functions."""

from __future__ import annotations

import re

from ..dicom.words import states_no_view, view_of, words_of

_BLANK = {"", "nan", "na", "n/a", "none", "null"}
_UNKNOWN = _BLANK | {"unknown", "u", "?", "-"}
_OLDEST = 120.0  # years; NIH ChestX-ray14 has ages of 400 and more
_AGE = re.compile(r"(?P<number>[+-]?\d+(?:[.,]\d+)?)\s*(?P<unit>[a-z]*)\.?")
# Number of units in a year. The letters are those of DICOM's value representation AS (PS3.5, section 6.2).
_UNITS = {"": 1.0, "y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}
_UNIT_WORDS = {"yr": "y", "yrs": "y", "year": "y", "years": "y", "yo": "y", "mo": "m", "month": "m", "months": "m",
              "wk": "w", "week": "w", "weeks": "w", "day": "d", "days": "d", "j": "y", "jahr": "y",
              "jahre": "y"}  # fmt: skip
_SEXES = {"m": "M", "male": "M", "man": "M", "männlich": "M", "f": "F", "female": "F", "woman": "F", "w": "F",
         "weiblich": "F", "o": None, "other": None}  # fmt: skip


def is_blank(text: str) -> bool:
    """Whether a cell has no value: it is empty, or has a word that programs write for a missing value."""
    return text.strip().lower() in _BLANK


def _is_unknown(text: str) -> bool:
    """Whether an attribute is missing or marked as unknown."""
    return text.strip().lower() in _UNKNOWN


def read_age(text: str) -> float | None:
    """Age in years.

    Args:
        text: number of years, or a number with a unit: ``58``, ``058Y``, ``006M``, ``12 weeks``, ``0,5``.

    Returns:
        Years; ``None`` for a blank.

    Raises:
        ValueError: the text is not an age from 0 to 120 years.
    """
    if _is_unknown(text):
        return None
    match = _AGE.fullmatch(text.strip().lower())
    unit = _UNITS.get(_UNIT_WORDS.get(match["unit"], match["unit"])) if match else None
    if match is None or unit is None or not 0 <= (years := float(match["number"].replace(",", ".")) / unit) <= _OLDEST:
        raise ValueError(f"an age from 0 to {_OLDEST:g} years, or with a unit as in 058Y, 006M, 004W, 012D")
    return years


def read_sex(text: str) -> str | None:
    """``M`` or ``F``; ``None`` for a blank and for another sex.

    Raises:
        ValueError: the text is no word for a sex.
    """
    key = text.strip().lower()
    if not _is_unknown(text) and key not in _SEXES:
        raise ValueError("M, male, F, female, other or blank")
    return _SEXES.get(key)


def read_view(text: str) -> str | None:
    """View of a film.

    Args:
        text: value of ViewPosition or of a column of a table, for example ``PA``, ``AP_horizontal`` or ``LATERAL``.

    Returns:
        ``PA``, ``AP``, ``FRONTAL`` (without a direction) or ``OTHER``; ``None`` for a blank and for words that name no
        view.
    """
    if _is_unknown(text) or states_no_view(text):
        return None
    if view_of(text) != "frontal":
        return "OTHER"
    directions = {"PA", "AP"} & set(words_of(text))
    return directions.pop() if len(directions) == 1 else "FRONTAL"


def direction_of(view: str) -> str | None:
    """``PA`` or ``AP``, as :func:`read_view` reads it; ``None`` for another view or a blank."""
    found = read_view(view)
    return found if found in ("PA", "AP") else None
