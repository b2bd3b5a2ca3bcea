"""Tables of a summary as text: metrics of the methods, hit rate by label, and the check with randomised weights."""

from __future__ import annotations

from typing import Any

from ..kit.result_tables import align_columns, format_number
from .film_dependence import Dependence
from .map_summary import COLUMNS, CONTROLS, MACRO, Summary
from .randomised import SHARES, Similarity


def text_table(summary: Summary, randomised: Similarity, dependence: Dependence) -> str:
    """Macro metrics of the methods, hit rates of the labels, dependence on the film, and randomised weights."""
    parts = [_method_table(summary), _label_table(summary), _dependence_table(dependence)]
    if randomised:
        stages = [[format_number(found[stage], ".2f") for stage in SHARES] for found in randomised.values()]
        named = [[method, *cells] for method, cells in zip(randomised, stages, strict=True)]
        parts.append("\n".join(align_columns([["correlation after randomising", *SHARES], *named])))
    return "\n\n".join(parts) + "\n"


def _method_table(summary: Summary) -> str:
    """Metrics of each method, averaged over the labels."""
    known = list(dict.fromkeys(name for of_labels in summary.values() for name in of_labels[MACRO]))
    shown = [
        [
            "mean over labels",
            *(COLUMNS.get(name, name.replace("_", " ")) for name in known),
            "hit rate less mean map / training prior / centre / random",
        ]
    ]
    shown += [
        [method, *(_written(of_labels[MACRO].get(name)) for name in known), _against(of_labels[MACRO]["hit_rate"])]
        for method, of_labels in summary.items()
    ]
    return "\n".join(align_columns(shown))


def _label_table(summary: Summary) -> str:
    """Hit rate of each method for each label, with the number of findings."""
    labels = [label for label in next(iter(summary.values())) if label != MACRO]
    hits = [["hit rate", *summary]]
    for label in labels:
        found = {method: of_labels.get(label, {}).get("hit_rate") for method, of_labels in summary.items()}
        count = max(row["findings"] for row in found.values() if row)
        hits.append([f"{label} ({count})", *(_written(row, interval=False) for row in found.values())])
    return "\n".join(align_columns(hits))


def _dependence_table(dependence: Dependence) -> str:
    """Correlation of each method's maps with the mean map of other films, and share of peaks near one spot."""
    shown = [["dependence on the film", "correlation with mean map", "peaks near one spot"]]
    for method, found in dependence.items():
        values = (found["mean_map_correlation"], found["constant_spot"])
        shown.append([method, *(format_number(value, ".2f") for value in values)])
    return "\n".join(align_columns(shown))


def _written(found: dict[str, Any] | None, *, interval: bool = True) -> str:
    """Mean with its interval, as text."""
    if found is None:
        return "–"
    if not interval or found["interval"] is None:
        return f"{found['mean']:.2f}"
    low, high = found["interval"]
    return f"{found['mean']:.3f} [{low:.2f}, {high:.2f}]"


def _against(found: dict[str, Any]) -> str:
    """Differences from the controls, the strongest control first; empty for a control."""
    if not found["minus"]:
        return ""
    less = [found["minus"].get(control) for control in reversed(CONTROLS)]
    return " / ".join("–" if one is None else f"{one['mean']:+.2f}" for one in less)
