"""Tables of a summary for people: figures of the methods, hit rate by label, randomised weights."""

from __future__ import annotations

from typing import Any

from ..kit.result_tables import align_columns, format_number
from .map_summary import COLUMNS, CONTROLS, MACRO, Summary
from .randomised import SHARES, Similarity


def text_table(summary: Summary, randomised: Similarity) -> str:
    """Macro figures of each method, hit rate of each label, and what randomised weights leave of the maps."""
    parts = [_method_table(summary), _label_table(summary)]
    if randomised:
        stages = [[format_number(found[stage], ".2f") for stage in SHARES] for found in randomised.values()]
        named = [[method, *cells] for method, cells in zip(randomised, stages, strict=True)]
        parts.append("\n".join(align_columns([["correlation after randomising", *SHARES], *named])))
    return "\n\n".join(parts) + "\n"


def _method_table(summary: Summary) -> str:
    """Figures of each method, mean over the labels."""
    known = [name for name in COLUMNS if any(name in figures[MACRO] for figures in summary.values())]
    shown = [["mean over labels", *(COLUMNS[name] for name in known), "hit rate less training prior / centre / random"]]
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
        count = max(figure["findings"] for figure in found.values() if figure)
        hits.append([f"{label} ({count})", *(_written(figure, interval=False) for figure in found.values())])
    return "\n".join(align_columns(hits))


def _written(found: dict[str, Any] | None, *, interval: bool = True) -> str:
    """Mean with its interval."""
    if found is None:
        return "–"
    if not interval or found["interval"] is None:
        return f"{found['mean']:.2f}"
    low, high = found["interval"]
    return f"{found['mean']:.3f} [{low:.2f}, {high:.2f}]"


def _against(found: dict[str, Any]) -> str:
    """Differences to the controls, the hardest first; nothing for a control itself."""
    if not found["minus"]:
        return ""
    less = [found["minus"].get(control) for control in reversed(CONTROLS)]
    return " / ".join("–" if one is None else f"{one['mean']:+.2f}" for one in less)
