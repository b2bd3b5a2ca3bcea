from datetime import date, datetime, time, timedelta

import pytest
from scripts.dicom.dates import acquired_at, parse_date, parse_moment, parse_time, parse_zone

from .synthetic import make_dataset, picture


@pytest.mark.parametrize("text", ["20240131", "2024.01.31", "2024-01-31", "2024/01/31", "31.01.2024", "2024.1.31"])
def test_dates(text):
    assert parse_date(text) == date(2024, 1, 31)


@pytest.mark.parametrize("text", ["", "yesterday", "20241340", "2024013", "20240131X", "0", "99999999"])
def test_what_is_no_date(text):
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("093005", time(9, 30, 5)), ("93005", time(9, 30, 5)), ("93005.25", time(9, 30, 5, 250_000)),
        ("0930", time(9, 30)),
        ("930", time(9, 30)), ("9", time(9)), ("09", time(9)), ("9:30", time(9, 30)), ("09:30:05", time(9, 30, 5)),
        ("09.30.05", time(9, 30, 5)), ("235960", time(23, 59, 59)), ("", None), ("noon", None), ("250000", None),
        ("09300512", None), ("-93005", None),
    ],
)  # fmt: skip
def test_times(text, expected):
    assert parse_time(text) == expected


def test_zones():
    assert parse_zone("+0130") == timedelta(hours=1, minutes=30) and parse_zone("-05:00") == timedelta(hours=-5)
    assert parse_zone("") is None and parse_zone("CET") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240131093005.5", datetime(2024, 1, 31, 9, 30, 5, 500_000)), ("202401", datetime(2024, 1, 1)),
        ("20240131093005+0200", datetime(2024, 1, 31, 7, 30, 5)),
        ("2024.01.31 09:30:05", datetime(2024, 1, 31, 9, 30, 5)),
        ("2024-01-31T09:30:05+02:00", datetime(2024, 1, 31, 7, 30, 5)), ("20240131-0100", datetime(2024, 1, 31, 1)),
        ("yesterday", None), ("00010101000000+0200", None),
    ],
)  # fmt: skip
def test_moments(text, expected):
    assert parse_moment(text) == expected


def test_the_first_attribute_that_can_be_read_counts():
    attributes = {"AcquisitionDateTime": "soon", "ContentDate": "2024.01.31", "ContentTime": "93000"}
    assert acquired_at(make_dataset(picture(), **attributes)) == datetime(2024, 1, 31, 9, 30)
    assert acquired_at(make_dataset(picture())) is None
