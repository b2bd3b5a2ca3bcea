"""Workflow ``sr_evaluation``: all enhancers on all radiographs of a split, with tables, figures and a report."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...common.atomic import write_json
from ...common.failures import write_failures
from ...report.figures import save_png
from ...super_resolution.enhancers.enhancer import Enhancer
from ...super_resolution.enhancers.registry import make_enhancer
from ...tracking import Tracker
from ..kit.result_tables import write_tables
from .gain_choice import Gainable
from .radiographs import Radiographs
from .sr_panels import panel
from .sr_protocol import SCALE
from .sr_report import write_report
from .sr_scores import RegionExample, SREvaluationSettings, score_enhancer
from .sr_summary import BASELINE, COLUMNS, RadiographScores, csv_table, summarise, text_table

logger = logging.getLogger(__name__)

_EXAMPLES = 3
Summary = dict[str, dict[str, dict[str, Any]]]


def make_enhancers(names: Sequence[str], **settings: Any) -> list[Enhancer]:
    """Enhancers to compare.

    Args:
        names: names in the registry, each at most once; bicubic, which all others are compared with, is required.
        settings: arguments of :func:`...super_resolution.enhancers.registry.make_enhancer`.

    Raises:
        ValueError: bicubic is missing, a name occurs twice, or an enhancer does not have the scale 4.
    """
    if BASELINE not in names or len(set(names)) != len(names):
        raise ValueError(
            f"enhancers: cannot be compared; expected different names with {BASELINE} among them, found "
            f"{', '.join(names)}; set --enhancers \"['{BASELINE}','ldm']\""
        )
    enhancers = [make_enhancer(name, **settings) for name in names]
    for enhancer in enhancers:
        if enhancer.scale != SCALE:
            raise ValueError(
                f"enhancers: {enhancer.name} cannot be evaluated; expected scale {SCALE}, found {enhancer.scale}; "
                "leave it out"
            )
    return enhancers


class SuperResolutionEvaluation:
    """Evaluation of enhancers on high-resolution radiographs.

    Args:
        radiographs: radiographs with a known truth.
        enhancers: enhancers from :func:`make_enhancers`.
        output_dir: folder of ``report.html``, ``sr_evaluation.json``, ``.csv``, ``.txt``, ``panels/`` and
            ``failures.csv``.
        tracker: MLflow run.
        settings: settings of the enhancement.
        bootstrap: number of bootstrap replicates.
    """

    def __init__(
        self,
        radiographs: Radiographs,
        enhancers: Sequence[Enhancer],
        output_dir: str | Path,
        tracker: Tracker,
        settings: SREvaluationSettings,
        *,
        bootstrap: int = 1000,
    ) -> None:
        self.radiographs, self.enhancers, self.output_dir = radiographs, enhancers, Path(output_dir)
        self.tracker, self.settings, self.bootstrap = tracker, settings, bootstrap
        self.params = {
            **radiographs.params,
            "bootstrap": bootstrap,
            "seed": settings.seed,
            "seeds": settings.seeds,
            "enhancers": {enhancer.name: enhancer.weights_hash for enhancer in enhancers},
            "gains": {enhancer.name: enhancer.gain for enhancer in enhancers if isinstance(enhancer, Gainable)},
        }
        self.examples: dict[str, list[RegionExample]] = {}

    def run(self) -> Summary:
        """Evaluate the enhancers and write the results. A failure closes the MLflow run as failed.

        Raises:
            ValueError: no radiograph can be used.
        """
        with self.tracker.recording(self.params):
            try:
                rows = list(self.score_all())
            finally:
                write_failures(self.output_dir / "failures.csv", self.radiographs.failures)
            summary = summarise(rows, replicates=self.bootstrap, seed=self.settings.seed)
            self.write(summary, rows)
        return summary

    def score_all(self) -> Iterator[RadiographScores]:
        """Scores of all enhancers on all radiographs at all sizes."""
        for number, size, case in self.radiographs.cases():
            for enhancer in self.enhancers:
                metrics, example = score_enhancer(enhancer, case, self.settings)
                shown = self.examples.setdefault(enhancer.name, [])
                if example is not None and len(shown) < _EXAMPLES:
                    shown.append(example)
                yield RadiographScores(size, enhancer.name, number, self.radiographs.patients[number], metrics)

    def write(self, summary: Summary, rows: Sequence[RadiographScores]) -> None:
        """Write the results to files, the log and MLflow. Radiographs have numbers, as a path may name a patient."""
        content = {"settings": self.params, "summary": summary, "rows": [vars(row) for row in rows]}
        files = [write_json(self.output_dir / "sr_evaluation.json", content)]
        table = text_table(summary)
        files += write_tables(self.output_dir, "sr_evaluation", csv_table(summary), table)
        for name, examples in self.examples.items():
            if examples:
                files.append(save_png(panel(name, examples), self.output_dir / "panels" / f"{name}.png"))
        files.append(write_report(content, self.output_dir))
        logger.info("\n%s\n%s", table, files[-1])
        for size, enhancers in summary.items():
            for name, metrics in enhancers.items():
                means = {f"{size}_{name}_{key}": metrics[key]["mean"] for key in COLUMNS if key in metrics}
                self.tracker.log_metrics(means)
        self.tracker.log_artifacts(*files)
