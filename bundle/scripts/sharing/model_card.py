"""Model card: ``README.md`` of a published model, with front matter that the hub reads.

Its texts come from the files of the model and from the command line. In the front matter they are written by a YAML
library, and below it they are escaped, so that none of them is markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..calibration.calibration_file import Calibration

_DATA_TYPE = "chest-radiographs"  # the hub wants an identifier of the data beside their name
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
_TAGS = ("medical-imaging", "chest-x-ray", "radiology", "multi-label-classification", "vision-transformer", "monai")


@dataclass(frozen=True)
class CardFacts:
    """What a model card says.

    Attributes:
        repo: ``owner/name``.
        labels: names of the C outputs.
        licence: identifier of the licence, for example ``apache-2.0``.
        data: description of the training data.
        image_size: side of the network's input, in pixels.
        auroc: AUROC by label on the test split, ``None`` for a label without both classes.
        intervals: 95 % interval of the AUROC by label, (low, high) or ``None``.
        macro_auroc: mean AUROC; ``None`` if the model has no evaluation.
        split: images of the metrics, ``evaluation`` or ``validation``.
        calibration: calibration of the model, ``None`` if it has none.
    """

    repo: str
    labels: Sequence[str]
    licence: str
    data: str
    image_size: int
    auroc: Mapping[str, float | None] = field(default_factory=dict)
    intervals: Mapping[str, Sequence[float] | None] = field(default_factory=dict)
    macro_auroc: float | None = None
    split: str = "validation"
    calibration: Calibration | None = None


def write_card(facts: CardFacts) -> str:
    """Text of the model card, with its front matter."""
    from huggingface_hub import EvalResult, ModelCardData

    results: list[Any] | None = None
    if facts.macro_auroc is not None:
        results = [
            EvalResult(
                task_type="image-classification",
                dataset_type=_DATA_TYPE,
                dataset_name=f"{facts.split} images of the publisher",
                metric_type="roc_auc",
                metric_name="macro AUROC",
                metric_value=round(facts.macro_auroc, 4),
            )
        ]
    front = ModelCardData(
        license=facts.licence,
        library_name="cxr-attention-sr",
        pipeline_tag="image-classification",
        tags=list(_TAGS),
        metrics=["roc_auc"],
        model_name=facts.repo.partition("/")[2],
        eval_results=results,
        labels=list(facts.labels),
        training_data=facts.data,
    )
    return f"---\n{front.to_yaml()}\n---\n\n{_body(facts)}"


def _body(facts: CardFacts) -> str:
    """Text below the front matter."""
    name = facts.repo.partition("/")[2]
    parts = [
        f"# {_plain(name)}",
        "For research only: this is not a medical device, and no clinical decision may rest on it.",
        f"A Vision Transformer that gives {len(facts.labels)} probabilities for a frontal chest radiograph, which is "
        f"resized to {facts.image_size} x {facts.image_size} pixels.",
        "## Use",
        f"```\ncxr-attention-sr predict FILMS --out OUT --model {facts.repo}\n```",
        f'```python\nimport cxr_attention_sr as cas\n\nnetwork = cas.load_model("{facts.repo}")\n```',
        "## Labels",
        _label_table(facts),
        "## Training data",
        _plain(facts.data),
        "## Metrics",
        _metrics(facts),
        "## Licence",
        _plain(facts.licence),
    ]
    return "\n\n".join(parts) + "\n"


def _label_table(facts: CardFacts) -> str:
    """Table of the labels, with their AUROC and their thresholds where they are known."""
    lines = ["| label | AUROC | 95 % interval | threshold |", "|---|---|---|---|"]
    thresholds = {} if facts.calibration is None else facts.calibration.thresholds
    for label in facts.labels:
        auroc, interval, threshold = facts.auroc.get(label), facts.intervals.get(label), thresholds.get(label)
        cells = (
            _plain(label),
            "" if auroc is None else f"{auroc:.3f}",
            "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
            "" if threshold is None else f"{threshold:.3f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _metrics(facts: CardFacts) -> str:
    """Sentences about the metrics and the calibration."""
    if facts.macro_auroc is None:
        measured = "No metrics are published with this model."
    else:
        measured = f"Mean AUROC on the {facts.split} images: {facts.macro_auroc:.3f}."
    if facts.calibration is None:
        return f"{measured} Its probabilities are not calibrated."
    return (
        f"{measured} Probabilities are calibrated on {facts.calibration.details.get('n_images', 'the')} validation "
        f"images; a finding is marked from its threshold on ({_plain(facts.calibration.policy)})."
    )


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return _MARKUP.sub(r"\\\1", html.escape(" ".join(text.split())))
