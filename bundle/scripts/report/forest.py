"""Forest plot of a report: one row for each label, with places in per cent of the width of the chart.

The page draws it as text and lines (``forest.html.j2``), so that it can be read on a telephone, in the dark and in
print, where a picture of a chart would become too small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .report_format import interval_text, signed_text

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_FEWEST = 10  # positive cases of a label that make its result reliable
_EDGE = 4.0  # per cent of the width that stays free on each side, for the marks at the ends


def difference_forest(comparison: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Differences in AUROC, re-trained minus base, of the average and of each label.

    Args:
        comparison: content of ``comparison.json``; ``None``: the models were not compared.

    Returns:
        ``several``, whether there are seeds to show; ``covers``, what the intervals cover; ``ticks`` (``at``, ``text``)
        of the axis; ``zero``, the place of no difference; and ``rows``. Each row has ``name``, ``average`` (whether it
        is that of all labels), ``few`` (fewer than ten positive cases), ``mean``, ``low`` and ``high`` of the interval,
        ``seeds``, ``band`` (the range in which the base differs from itself between seeds), ``kind`` ("better", "worse"
        or "open", by the interval) and ``text``. Places that are not known are ``None``, or an empty list of seeds. The
        axis is as long as the reliable labels need; what lies beyond it is at 0 or 100 %. ``None`` if no row has a
        difference.
    """
    if comparison is None:
        return None
    several = len(comparison.get("seeds") or []) > 1
    average = {**comparison["macro"]["auroc"], "seeds": comparison.get("seeds")}
    found = {"Average of the labels": average, **comparison["labels"]}
    shown = {name: row for name, row in found.items() if row["difference"] is not None}
    if not shown:
        return None
    seeds = {name: (row.get("seeds") or []) if several else [] for name, row in shown.items()}
    extents = {
        name: max(map(abs, (*_values(row), *_of(seeds[name]), _own(seeds[name])))) for name, row in shown.items()
    }
    # A label with a handful of positive cases has an interval that would press all others together.
    reliable = [extents[name] for name, row in shown.items() if not _has_few(row)]
    largest = max(reliable or extents.values())
    step = next((step for step in _STEPS if largest <= 4 * step), _STEPS[-1])
    limit = max(largest, step)

    def place(value: float) -> float:
        return round(min(max(50 + (50 - _EDGE) * value / limit, 0), 100), 2)

    rows = []
    for number, (name, row) in enumerate(shown.items()):
        own = _own(seeds[name])
        low, high = row["difference_ci"] or (None, None)
        rows.append(
            {
                "name": name,
                "average": number == 0 and name not in comparison["labels"],
                "few": _has_few(row),
                "mean": place(row["difference"]),
                "low": None if low is None else place(low),
                "high": None if high is None else place(high),
                "seeds": [place(value) for value in _of(seeds[name])],
                "band": [place(-own), place(own)] if own else None,
                "kind": _kind(row["difference_ci"]),
                "text": _text(row),
            }
        )
    ticks = [number * step for number in range(-4, 5) if abs(number * step) <= limit + 1e-9]
    return {
        "rows": rows,
        "zero": place(0),
        "ticks": [{"at": place(tick), "text": _tick(tick)} for tick in ticks],
        "several": several,
        "covers": comparison.get("interval_covers", "patients"),  # versions before 0.5 do not say
    }


def _has_few(row: Mapping[str, Any]) -> bool:
    """Whether the result of a label is not reliable; the average of the labels has no number of cases."""
    return bool(row.get("n_positive", _FEWEST) < _FEWEST)


def _values(row: Mapping[str, Any]) -> Iterable[float]:
    return (row["difference"], *(row["difference_ci"] or ()))


def _of(seeds: Sequence[Mapping[str, float]]) -> list[float]:
    """Difference of each seed."""
    return [seed["difference"] for seed in seeds]


def _own(seeds: Sequence[Mapping[str, float]]) -> float:
    """Largest difference of the base from itself between two seeds."""
    base = [seed["base"] for seed in seeds]
    return max(base) - min(base) if base else 0.0


def _kind(interval: Sequence[float] | None) -> str:
    if interval is None:
        return "open"
    return "better" if interval[0] > 0 else "worse" if interval[1] < 0 else "open"


def _text(row: Mapping[str, Any]) -> str:
    text = signed_text(row["difference"])
    return text if row["difference_ci"] is None else f"{text} ({interval_text(row['difference_ci'], sign=True)})"


def _tick(value: float) -> str:
    return "0" if value == 0 else signed_text(value, 2)
