"""Comparison of two models as a text table."""

from __future__ import annotations

from typing import Any


def format_comparison_table(comparison: dict[str, Any]) -> str:
    """Text table for the console: one row per label, the macro average of all and of each seed, then the verdict.

    Args:
        comparison: content of ``comparison.json``.
    """
    header = ("label", "prevalence", "base", "re-trained", "difference", "95 % interval", "p (Holm)")
    rows = [_text_row(name, row, f"{row['prevalence']:.1%}" if row["prevalence"] is not None else "-")
            for name, row in comparison["labels"].items()]  # fmt: skip
    averages = [_text_row("macro AUROC", comparison["macro"]["auroc"], "")]
    if len(comparison["seeds"]) > 1:
        averages += [_text_row(f"  seed {row['seed']}", row, "") for row in comparison["seeds"]]
    table = [header, *rows, *averages]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = ["  ".join(_align(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in table]  # fmt: skip
    rule = "-" * max(map(len, lines))
    sentences = [comparison[key] for key in ("sentence", "control_sentence") if comparison[key]]
    body, rest = lines[1 : len(rows) + 1], lines[len(rows) + 1 :]
    return "\n".join([lines[0], rule, *body, rule, *rest, "", *sentences, *comparison["cautions"]])


def _text_row(name: str, row: dict[str, Any], prevalence: str) -> tuple[str, ...]:
    interval, p = row.get("difference_ci"), row.get("p_holm")
    return (
        name,
        prevalence,
        *(f"{row[key]:.3f}" if row[key] is not None else "-" for key in ("base", "retrained")),
        f"{row['difference']:+.3f}" if row["difference"] is not None else "-",
        f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else "-",
        "" if "p_holm" not in row else "-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}",
    )


def _align(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
