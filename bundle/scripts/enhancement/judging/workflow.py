"""What ``run sr_evaluation`` runs: every enhancer on every radiograph of a split; a JSON, a table, a figure each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ...data.atomic import atomic_write, write_json
from ...data.datalist import Datalist
from ...data.failures import Failure, write_failures
from ...dicom import RefusedInput, read_radiograph
from ...evaluation.evaluate import anonymous_groups
from ...evaluation.figures import save_png
from ...tracking import Tracker
from ..enhancer import Enhancer
from ..registry import make_enhancer
from .judge import Example, JudgeSettings, judge
from .panels import panel
from .protocol import SCALE, Case, make_case
from .summary import BASELINE, COLUMNS, Row, csv_table, summarise, text_table

logger = logging.getLogger(__name__)

EXAMPLES = 3
NATIVE = "native"
Summary = dict[str, dict[str, dict[str, Any]]]


def make_enhancers(names: Sequence[str], **settings: Any) -> list[Enhancer]:
    """Enhancers to compare.

    Args:
        names: of the registry, each once; bicubic, which the others are compared with, among them.
        settings: of :func:`..registry.make_enhancer`, for all that have them.

    Raises:
        ValueError: bicubic is missing, a name is there twice, or an enhancer does not offer a factor of four.
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
                f"enhancers: {enhancer.name} cannot be judged; expected scale {SCALE}, found {enhancer.scale}; "
                "leave it out"
            )
    return enhancers


class SuperResolutionEvaluation:
    """Judge enhancers on high-resolution radiographs.

    Args:
        datalist: radiographs.
        enhancers: see :func:`make_enhancers`.
        output_dir: ``sr_evaluation.json``, ``.csv`` and ``.txt``, ``panels/``, ``failures.csv``.
        tracker: MLflow run.
        settings: how an enhancer is run.
        split: of the datalist.
        sizes: longer sides of the truth, pixels; ``None``: the image's own. Smaller images are left out of a size, and
            of ``None`` those that have one of the other sizes.
        window: side of a region, pixels of the reduced image.
        region_count: at most, of each radiograph.
        bootstrap: replicates for the intervals.
        limit: first radiographs only; ``None``: all.

    Raises:
        ValueError: unknown split.
    """

    def __init__(
        self,
        datalist: Datalist,
        enhancers: Sequence[Enhancer],
        output_dir: str | Path,
        tracker: Tracker,
        settings: JudgeSettings,
        *,
        split: str = "test",
        sizes: Sequence[int | None] = (1024, 512, None),
        window: int = 64,
        region_count: int = 16,
        bootstrap: int = 1000,
        limit: int | None = None,
    ) -> None:
        if split not in datalist.splits:
            raise ValueError(f"split: not known; expected one of {', '.join(datalist.splits)}, found {split!r}")
        self.items = datalist.splits[split][:limit]
        self.patients = anonymous_groups(self.items)
        self.enhancers, self.output_dir, self.tracker, self.settings = enhancers, Path(output_dir), tracker, settings
        self.sizes, self.window, self.region_count, self.bootstrap = tuple(sizes), window, region_count, bootstrap
        self.params = {
            "datalist_sha256": datalist.sha256,
            "split": split,
            "sizes": [self.name_of(size) for size in self.sizes],
            "window": window,
            "region_count": region_count,
            "bootstrap": bootstrap,
            "seed": settings.seed,
            "seeds": settings.seeds,
            "enhancers": {enhancer.name: enhancer.weights_hash for enhancer in enhancers},
        }
        self.examples: dict[str, list[Example]] = {}
        self.failures: list[Failure] = []

    def run(self) -> Summary:
        """Judge, write, log. A failure closes the MLflow run as failed.

        Raises:
            ValueError: no radiograph could be used.
        """
        with self.tracker.recording(self.params):
            rows = [row for number, _ in enumerate(self.items) for row in self.judge_image(number)]
            write_failures(self.output_dir / "failures.csv", self.failures)
            if not rows:
                raise ValueError(
                    f"sizes: no radiograph could be judged; expected images of at least {self.params['sizes']} pixels, "
                    f"found none among {len(self.items)}; set smaller sizes, or a datalist of larger images"
                )
            summary = summarise(rows, replicates=self.bootstrap, seed=self.settings.seed)
            self.write(summary, rows)
        return summary

    def judge_image(self, number: int) -> Iterator[Row]:
        """All enhancers at all sizes on one radiograph; a refused one is recorded."""
        try:
            image = torch.from_numpy(read_radiograph(self.items[number]["image"]).image)
        except RefusedInput as refusal:
            self.failures.append(Failure.of(self.items[number]["image"], refusal))
            logger.warning("refused: %s", refusal)
            return
        for size, case in self.cases(image):
            for enhancer in self.enhancers:
                figures, example = judge(enhancer, case, self.settings)
                shown = self.examples.setdefault(enhancer.name, [])
                if example is not None and len(shown) < EXAMPLES:
                    shown.append(example)
                yield Row(self.name_of(size), enhancer.name, number, self.patients[number], figures)
        logger.info("judged %d of %d radiographs", number + 1, len(self.items))

    def cases(self, image: torch.Tensor) -> Iterator[tuple[int | None, Case]]:
        """Sizes at which an image can be judged."""
        for size in self.sizes:
            if size is None and max(image.shape[-2:]) in self.sizes:
                continue
            case = make_case(image, size, window=self.window, count=self.region_count)
            if case is not None:
                yield size, case

    def write(self, summary: Summary, rows: Sequence[Row]) -> None:
        """Files, log and MLflow. Radiographs are named by their number: a path may name a patient."""
        content = {"settings": self.params, "summary": summary, "rows": [vars(row) for row in rows]}
        files = [write_json(self.output_dir / "sr_evaluation.json", content)]
        table = text_table(summary)
        for suffix, text in (("csv", csv_table(summary)), ("txt", table)):
            files.append(self.output_dir / f"sr_evaluation.{suffix}")
            with atomic_write(files[-1]) as file:
                file.write(text.encode())
        for name, examples in self.examples.items():
            if examples:
                files.append(save_png(panel(name, examples), self.output_dir / "panels" / f"{name}.png"))
        logger.info("\n%s", table)
        for size, enhancers in summary.items():
            for name, figures in enhancers.items():
                means = {f"{size}_{name}_{key}": figures[key]["mean"] for key in COLUMNS if key in figures}
                self.tracker.log_metrics(means)
        self.tracker.log_artifacts(*files)

    @staticmethod
    def name_of(size: int | None) -> str:
        """Name of a protocol in tables."""
        return NATIVE if size is None else str(size)
