"""Results of the experiment as text for the console and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...common.csv_text import csv_text
from ..kit.result_tables import align_columns, bounds, format_number

_FIXED = ("arm", "seconds", "tokens", "average_precision", "calibration_error")
_PER_GROUP = ("auroc", "auroc_low", "auroc_high", "difference", "low", "high", "word", "equivalent")


def csv_table(content: Mapping[str, Any]) -> str:
    """CSV with a row for each arm: AUROC and difference from the reference for each group, with 95 % intervals."""
    groups, rows = list(content["labels"]), []
    for name, row in content["arms"].items():
        cells = [name, *(row[key] for key in _FIXED[1:])]
        for group in groups:
            own, other = row["groups"][group], row["against_reference"][group]
            cells += [own["auroc"], *bounds(own["auroc_ci"])]
            cells += [other["difference"], *bounds(other["ci"]), other["word"], other["equivalent"]]
        rows.append([f"{cell:.5f}" if isinstance(cell, float) else cell for cell in cells])
    return csv_text([*_FIXED, *(f"{group}_{key}" for group in groups for key in _PER_GROUP)], rows)


def text_table(content: Mapping[str, Any], reference: str) -> str:
    """Text with the verdict, the arms, the declared comparisons and the hallucination checks."""
    groups = list(content["labels"])
    header = ["arm", *(f"{group} {what}" for group in groups for what in ("AUROC", "difference")), "s/image", "tokens"]
    blocks = [
        content["sentence"],
        f"{content['n_images']} images of {content['n_patients']} patients; differences from {reference}, "
        "95 % intervals over seeds and patients\n\n" + _ruled([header, *_arm_rows(content, groups)]),
        "Declared comparisons\n\n" + _ruled([_COMPARED, *_comparison_rows(content)]),
    ]
    blocks.append("\n".join(_attempt_rows(content)))
    left_out = content["labels"]["all"]["left_out"]
    if left_out:
        blocks.append(f"Not judged, fewer than two patients with or without: {', '.join(left_out)}")
    checks = [*_frozen_rows(content), *_lesion_rows(content)]
    if checks:
        blocks.append("Hallucination checks\n\n" + "\n".join(checks))
    return "\n\n".join(blocks) + "\n"


_COMPARED = ["arm", "control", "labels", "difference", "p (Holm), least", "detectable", "answer"]


def _arm_rows(content: Mapping[str, Any], groups: Sequence[str]) -> Iterator[list[str]]:
    """Cells of each arm."""
    for name, row in content["arms"].items():
        cells = [name]
        for group in groups:
            cells += [_number(row["groups"][group]["auroc"]), _difference(row["against_reference"][group])]
        yield [*cells, _number(row["seconds"], 2), _number(row["tokens"], 0)]


def _comparison_rows(content: Mapping[str, Any]) -> Iterator[list[str]]:
    """Cells of each declared comparison, the primary one first."""
    for row in [content["primary"], *content["also_above"].values(), *content["secondary"]]:
        p_values = [label["p_holm"] for label in row["labels"].values() if label["p_holm"] is not None]
        least = _number(min(p_values)) if p_values else "-"
        answer = row["word"] + (", equivalent" if row["equivalent"] and row["word"] != "equivalent" else "")
        detectable = _number(row["detectable"], 4)
        yield [row["arm"], row["control"], row["group"], _difference(row), least, detectable, answer]


def _attempt_rows(content: Mapping[str, Any]) -> Iterator[str]:
    """A line for each earlier attempt on the same data."""
    earlier = content["earlier_attempts"]
    yield f"Earlier attempts on these data: {len(earlier) or 'none'}"
    for row in earlier:
        tested = row["primary"] or dict.fromkeys(("arm", "control", "labels"), "unknown")
        result = "no result"
        if row["verdict"]:
            result = row["verdict"] + ("" if row["ci"] is None else f", {_difference(row)}")
        yield f"{row['date']}: {tested['arm']} against {tested['control']}, {tested['labels']} labels: {result}"


def _frozen_rows(content: Mapping[str, Any]) -> Iterator[str]:
    """A line for each arm with the classifier of another."""
    for name, row in content["hallucination"]["frozen"].items():
        if row["labels"]:
            yield (
                f"{name}, classifier of {row['control']}: {row['flips']:.1%} of decisions change, {row['created']:.1%} "
                f"of negatives become positive, {row['erased']:.1%} of positives negative; shift of negatives "
                f"{row['shift_negative']:+.2f} SD; {'; '.join(row['alarms']) or 'no alarm'}"
            )


def _lesion_rows(content: Mapping[str, Any]) -> Iterator[str]:
    """A line for each enhancer."""
    for name, row in content["hallucination"]["lesions"].items():
        yield (
            f"{name}, lesions of fine detail in phantoms: {row['retained']:.0%} of the signal left, "
            f"{row['created']:+.1%} created where none is, d' {_number(row['detectability'], 1)}; "
            f"{'; '.join(row['alarms']) or 'no alarm'}"
        )


def _number(value: float | None, digits: int = 3) -> str:
    """Number with a fixed count of decimals, or a dash if it is not known."""
    return format_number(value, f".{digits}f", missing="-")


def _difference(row: Mapping[str, Any]) -> str:
    """A difference with its interval."""
    if row["ci"] is None:
        return "-"
    return f"{row['difference']:+.4f} ({row['ci'][0]:+.4f} to {row['ci'][1]:+.4f})"


def _ruled(rows: Sequence[Sequence[str]]) -> str:
    """Table with a rule below the header and all columns but the first aligned to the right."""
    header, *lines = align_columns(rows, numeric=True)
    return "\n".join([header, "-" * max(map(len, [header, *lines])), *lines])
