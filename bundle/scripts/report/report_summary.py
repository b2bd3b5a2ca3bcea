"""``report.md``: the verdict and the table of the labels as Markdown, to be pasted into a message or a document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .report_format import interval_text, number_text, percent_text, signed_text


def summary_text(
    verdict: Mapping[str, Any],
    comparison: Mapping[str, Any] | None,
    models: Mapping[str, Mapping[str, Any] | None],
    not_run: Sequence[str],
    *,
    synthetic: bool,
) -> str:
    """Text of ``report.md``.

    Args:
        verdict: verdict by :func:`.verdict_section.verdict_section`.
        comparison: content of ``comparison.json``; ``None``: the models were not compared.
        models: content of ``metrics.json`` of each model by its name; ``None``: not evaluated.
        not_run: steps that were not run.
        synthetic: whether the data are synthetic.
    """
    parts = ["# Did attention-guided super-resolution help?"]
    if synthetic:
        parts.append("**SYNTHETIC DATA.** These numbers show that the pipeline runs. They say nothing about patients.")
    parts.append(f"**{_plain(verdict['sentence'])}**")
    parts += [_plain(text) for text in (verdict["control_sentence"], *verdict["cautions"]) if text]
    if comparison is not None:
        parts.append(f"{comparison['n_images']} images of {comparison['n_patients']} patients. {verdict['method']}")
        parts.append(_compared(comparison))
    else:
        parts += [_measured(name, metrics) for name, metrics in models.items() if metrics]
    parts.append(_plain(verdict["limitation"]))
    if not_run:
        parts.append("Not run:\n\n" + "\n".join(f"- {_plain(step)}" for step in not_run))
    parts.append("Research use only. Not a medical device; not for diagnosis. Super-resolved detail is synthetic.")
    return "\n\n".join(parts) + "\n"


def _compared(comparison: Mapping[str, Any]) -> str:
    """Table of the labels and their average."""
    rows = [
        (
            name,
            f"{row['n_positive']} / {row['n_negative']}",
            *(number_text(row[key]) for key in ("base", "retrained")),
            signed_text(row["difference"]),
            interval_text(row["difference_ci"], sign=True),
        )
        for name, row in comparison["labels"].items()
    ]
    macro = comparison["macro"]["auroc"]
    average = (*(number_text(macro[key]) for key in ("base", "retrained")), signed_text(macro["difference"]))
    rows.append(("average", "", *average, interval_text(macro["difference_ci"], sign=True)))
    headings = ("label", "positive / negative", "AUROC base", "AUROC re-trained", "difference", "95 % interval")
    return _table(headings, rows)


def _measured(name: str, metrics: Mapping[str, Any]) -> str:
    """Table of the labels of one model."""
    rows = [
        (label, percent_text(row["prevalence"]), number_text(row["auroc"]), interval_text(row["auroc_ci"]))
        for label, row in metrics["labels"].items()
    ]
    macro = metrics["macro"]
    rows.append(("average", "", number_text(macro["auroc"]), interval_text(macro["auroc_ci"])))
    return f"## {name}\n\n" + _table(("label", "prevalence", "AUROC", "95 % interval"), rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table; all columns but the first are aligned to the right."""
    ruler = ["---", *["---:"] * (len(headings) - 1)]
    body = [[_plain(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ruler, *body))


def _plain(text: str) -> str:
    """Text whose characters are all shown, whatever they mean in Markdown or HTML; line breaks become spaces."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", " ".join(text.split()))
