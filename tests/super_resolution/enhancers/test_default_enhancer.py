"""The choice of ``benchmarks/default_enhancer.py`` among enhancers that satisfy the rule."""

import pytest

from benchmarks import default_enhancer
from benchmarks.default_enhancer import choose


@pytest.mark.parametrize(
    ("spectra", "seconds", "chosen"),
    [
        ((4.74, 4.68), (0.2, 0.4), "first"),  # equal to 0.1 dB, so the faster one
        ((4.68, 4.74), (0.4, 0.2), "second"),
        ((4.74, 4.44), (0.2, 0.4), "second"),
        ((float("nan"), 9.0), (0.2, 0.4), "second"),
        ((9.0, float("nan")), (0.4, 0.2), "first"),
    ],
)
def test_the_nearest_spectrum_is_chosen_then_the_faster_one(monkeypatch, spectra, seconds, chosen):
    monkeypatch.setattr(default_enhancer, "missed", lambda rows, name: {448: []})
    values = zip(("first", "second"), spectra, seconds, strict=True)
    found = {name: {"spectrum": spectrum, "seconds": time} for name, spectrum, time in values}
    assert choose([{"size": 448, "found": {"bicubic": {"spectrum": 0.0, "seconds": 0.0}, **found}}]) == chosen


def test_bicubic_is_chosen_where_nothing_satisfies_the_rule(monkeypatch):
    monkeypatch.setattr(default_enhancer, "missed", lambda rows, name: {448: ["psnr"]})
    assert choose([{"size": 448, "found": {"bicubic": {}, "residual": {}}}]) == "bicubic"
