"""Dates and times of a header, in the forms that devices write, as moments that can be compared."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from pydicom.dataset import Dataset

_ACQUIRED = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"), ("SeriesDate", "SeriesTime"))
_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})")
_DATE_TIME = re.compile(r"(\d{4}[.\-/]?(?:\d{2}[.\-/]?(?:\d{2})?)?)[T ]*([\d:.,]*)\s*([+-]\d{2}:?\d{2})?")
_DIGITS = re.compile(r"(\d{4})(\d{2})?(\d{2})?")
_YEAR_FIRST = re.compile(r"(\d{4})[.\-/](\d{1,2})[.\-/](\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[.\-/](\d{1,2})[.\-/](\d{4})")


def acquired_at(dataset: Dataset) -> datetime | None:
    """Moment of the acquisition in UTC; ``None`` if it is not known.

    It is that of AcquisitionDateTime, else of the acquisition, else of the content, else of the series. A value without
    a zone is in that of TimezoneOffsetFromUTC (0008,0201), without one taken as UTC.
    """
    values = [_values(dataset, "AcquisitionDateTime"), *(_values(dataset, *keywords) for keywords in _ACQUIRED)]
    zone = parse_zone(_text(dataset, "TimezoneOffsetFromUTC")) or timedelta(0)
    return next((moment for value in values if (moment := parse_moment(*value, zone=zone))), None)


def parse_moment(day: str, hour: str = "", *, zone: timedelta = timedelta(0)) -> datetime | None:
    """Moment in UTC of a date (VR DA) and a time (TM), or of a date with a time (DT); ``None`` if there is no date.

    Args:
        day: Date, also with dots, or date with time and zone.
        hour: Time; if it cannot be read, the day counts.
        zone: Offset from UTC of values without a zone.
    """
    parsed = parse_date(day)
    if parsed is None and (found := _DATE_TIME.fullmatch(day)):
        parsed, hour = parse_date(found[1]), found[2] or hour
        zone = parse_zone(found[3] or "") or zone
    if parsed is None:
        return None
    try:
        return datetime.combine(parsed, parse_time(hour) or time()) - zone
    except OverflowError:
        return None


def parse_date(text: str) -> date | None:
    """Date of ``20240131``, ``2024.01.31``, ``2024-01-31`` or ``31.01.2024``; ``None`` for anything else."""
    try:
        if found := _DIGITS.fullmatch(text) or _YEAR_FIRST.fullmatch(text):
            return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
        if found := _DAY_FIRST.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        pass
    return None


def parse_time(text: str) -> time | None:
    """Time of ``093000.5``, ``93000`` (no leading zero), ``9:30`` or ``09:30:00``; ``None`` for anything else."""
    whole, _, fraction = text.replace(",", ".").partition(".")
    if "." in fraction:  # separators, as in 09.30.00
        whole, fraction = text.replace(".", ":"), ""
    parts = whole.split(":")
    if len(parts) == 1:
        digits = whole.zfill(len(whole) + len(whole) % 2)
        parts = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    if not 1 <= len(parts) <= 3 or not all(part.isdecimal() for part in parts):
        return None
    hour, minute, second = (*map(int, parts), 0, 0)[:3]
    try:
        return time(hour, minute, min(second, 59), int((fraction[:6] or "0").ljust(6, "0")))  # 60 is a leap second
    except ValueError:
        return None


def parse_zone(text: str) -> timedelta | None:
    """Offset from UTC of ``+0100``, ``-0500`` or ``+01:00``; ``None`` for anything else."""
    found = _ZONE.fullmatch(text)
    if not found:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -offset if found[1] == "-" else offset


def _values(dataset: Dataset, *keywords: str) -> list[str]:
    """Texts of several attributes."""
    return [_text(dataset, keyword) for keyword in keywords]


def _text(dataset: Dataset, keyword: str) -> str:
    """Text of an attribute; empty if it is absent."""
    return str(dataset.get(keyword) or "").strip("\0 ")
