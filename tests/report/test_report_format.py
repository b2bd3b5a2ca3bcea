from __future__ import annotations

from scripts.report.report_format import _interval, _number, _p_value, _percent, _signed, flatten


def test_numbers_and_intervals_in_text() -> None:
    assert (_number(None), _signed(-0.0123), _percent(0.1234), _p_value(0.0001)) == ("–", "−0.012", "12.3 %", "< 0.001")
    assert (_interval(None), _interval([0.1, 0.2]), _interval([-0.1, 0.2], sign=True)) == (
        "–",
        "0.100–0.200",
        "−0.100 to +0.200",
    )


def test_settings_become_dotted_keys() -> None:
    nested = {"seed": 7, "network": {"size": {"side": 384}, "labels": ["a", "b"]}}
    assert list(flatten(nested)) == [("seed", "7"), ("network.size.side", "384"), ("network.labels", "a, b")]
