from __future__ import annotations

from scripts.report.report_format import flatten, interval_text, number_text, p_text, percent_text, signed_text


def test_numbers_and_intervals_in_text() -> None:
    assert (number_text(None), signed_text(-0.0123), percent_text(0.1234), p_text(0.0001)) == (
        "–",
        "−0.012",
        "12.3 %",
        "< 0.001",
    )
    assert (interval_text(None), interval_text([0.1, 0.2]), interval_text([-0.1, 0.2], sign=True)) == (
        "–",
        "0.100–0.200",
        "−0.100 to +0.200",
    )


def test_settings_become_dotted_keys() -> None:
    nested = {"seed": 7, "network": {"size": {"side": 384}, "labels": ["a", "b"]}}
    assert list(flatten(nested)) == [("seed", "7"), ("network.size.side", "384"), ("network.labels", "a, b")]
