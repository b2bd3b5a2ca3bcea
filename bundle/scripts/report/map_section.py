"""Section of the report on the maps: do they lie on the findings, and do they depend on the film?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MACRO, _MEAN_MAP, _PREFIX = "macro", "mean_map", "mean_map:"
_TITLES = {
    "random": "control: random",
    "centre": "control: centre of the image",
    "training_prior": "control: places of the training findings",
}


def map_section(content: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the template ``map_section.html.j2``.

    Args:
        content: content of ``explanation.json``, which the workflow ``explaining`` writes.

    Returns:
        ``sentences``; ``columns``, the headings of both tables; ``rows``, one for each method and control; ``labels``,
        one for each label, by the first method.
    """
    summary, counts = content["summary"], content["settings"]["region_counts"]
    metrics = {"hit_rate": "Peak in the finding", "near_hit_rate": "Peak near it"}
    metrics |= {f"coverage_{count}": f"In {count} regions" for count in counts}
    dependence = content.get("film_dependence", {})
    return {
        "sentences": coverage_sentences(content),
        "columns": list(metrics.values()),
        "rows": [
            {
                "name": _title(method),
                "cells": [_cell(labels[_MACRO].get(name)) for name in metrics],
                "correlation": dependence.get(method, {}).get("mean_map_correlation"),
                "spot": dependence.get(method, {}).get("constant_spot"),
            }
            for method, labels in summary.items()
        ],
        "first": _first(content),
        "labels": [
            {
                "name": label,
                "findings": found["hit_rate"]["findings"],
                "cells": [_cell(found.get(name)) for name in metrics],
            }
            for label, found in summary[_first(content)].items()
            if label != _MACRO
        ],
    }


def coverage_sentences(content: Mapping[str, Any]) -> list[str]:
    """Sentences on the coverage of the findings by the regions of the first method, and by those of its controls.

    Args:
        content: content of ``explanation.json``.
    """
    method, summary = _first(content), content["summary"]
    macro = _macro(summary, method)
    rows = {
        "on the mean map of other patients": _PREFIX + method,
        "at the places of the training findings": "training_prior",
        "at random": "random",
    }
    sentences = []
    for count in content["settings"]["region_counts"]:
        name = f"coverage_{count}"
        controls = [f"{_macro(summary, row)[name]['mean']:.2f} {text}" for text, row in rows.items() if row in summary]
        sentences.append(
            f"{count} regions by the maps {method} contain the centre of {_written(macro[name])} of the annotated "
            "findings" + (f"; regions {', '.join(controls)}." if controls else ".")
        )
    less = macro[f"coverage_{content['settings']['region_counts'][0]}"]["minus"].get(_MEAN_MAP)
    if less and less["interval"]:
        low, high = less["interval"]
        verdict = "The regions follow the film" if low > 0 else "It is not shown that the regions follow the film"
        sentences.append(
            f"{verdict}: the difference from the mean map is {less['mean']:+.2f} (95 % interval {low:+.2f} to "
            f"{high:+.2f})."
        )
    return sentences


def _first(content: Mapping[str, Any]) -> str:
    """The first method, whose maps choose the regions of the run."""
    return str(content["settings"]["methods"][0])


def _macro(summary: Mapping[str, Any], method: str) -> Mapping[str, Any]:
    """Metrics of a method, averaged over the labels."""
    found: Mapping[str, Any] = summary[method][_MACRO]
    return found


def _title(method: str) -> str:
    """Name of a method or control for a reader."""
    if method.startswith(_PREFIX):
        return f"control: mean map of {method.removeprefix(_PREFIX)}"
    return _TITLES.get(method, method)


def _cell(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Mean and interval of a metric, which a control may lack."""
    return {"mean": None, "interval": None} if found is None else {"mean": found["mean"], "interval": found["interval"]}


def _written(found: Mapping[str, Any]) -> str:
    """Mean with its interval, as text."""
    if not found["interval"]:
        return f"{found['mean']:.2f}"
    low, high = found["interval"]
    return f"{found['mean']:.2f} ({low:.2f} to {high:.2f})"
