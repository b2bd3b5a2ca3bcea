from __future__ import annotations

from scripts.report.report_format import flatten, interval, number, p_value, percent, signed


def test_numbers_and_intervals_in_text() -> None:
    assert (number(None), signed(-0.0123), percent(0.1234), p_value(0.0001)) == ("–", "−0.012", "12.3 %", "< 0.001")
    assert (interval(None), interval([0.1, 0.2]), interval([-0.1, 0.2], sign=True)) == (
        "–",
        "0.100–0.200",
        "−0.100 to +0.200",
    )


def test_settings_become_dotted_keys() -> None:
    nested = {"seed": 7, "network": {"size": {"side": 384}, "labels": ["a", "b"]}}
    assert list(flatten(nested)) == [("seed", "7"), ("network.size.side", "384"), ("network.labels", "a, b")]
