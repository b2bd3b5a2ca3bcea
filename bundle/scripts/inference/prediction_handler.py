"""What an evaluator does with each batch of films, and at the end with what all processes found."""

from __future__ import annotations

import logging
from pathlib import Path

import torch.distributed as dist
from ignite.engine import Engine, Events

from ..common.failures import Failure
from ..evaluation.predictions import Prediction
from .analysis import FilmAnalysis
from .outputs import ResultWriter
from .prediction_tables import write_tables
from .study_images import StudyImages

logger = logging.getLogger(__name__)


class PredictionHandler:
    """Attach to an evaluator over :class:`.study_images.StudyImages` that steps with a :class:`.classifier.Classifier`.

    Args:
        analysis: of one film.
        dataset: for the refusals.
        output_dir: ``predictions.csv``, ``predictions.json``, ``overlays/``, ``enhanced/``, ``failures.csv``.
        rank: only rank 0 writes the tables, of all ranks.
        dicom: also write DICOM objects for each DICOM input, to ``dicom/``.

    Raises:
        ValueError: ``dicom`` without highdicom.
    """

    def __init__(
        self, analysis: FilmAnalysis, dataset: StudyImages, output_dir: str | Path, rank: int = 0, dicom: bool = False
    ) -> None:
        self.analysis, self.dataset, self.output_dir, self.rank = analysis, dataset, Path(output_dir), rank
        self.writer = ResultWriter(output_dir, analysis.algorithm, dicom=dicom)
        self.predictions: list[tuple[int, Prediction]] = []
        self.failures: list[tuple[int, Failure]] = []

    def attach(self, engine: Engine) -> None:
        """Write images as they come, tables at the end."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def collect(self, engine: Engine) -> None:
        """Predictions, overlays and enhanced images of a batch."""
        batch: dict = engine.state.batch  # type: ignore[assignment]
        output: dict = engine.state.output  # type: ignore[assignment]
        for number, classified in enumerate(output["classified"].rows()):
            item = {name: batch[name][number] for name in ("source", "path", "name", "index")}
            prediction = self.analysis(item, classified)
            self.writer.write(item["index"], prediction)
            self.predictions.append((item["index"], prediction.row()))
            for failure in prediction.failures:
                self.failures.append((item["index"], failure))
                logger.warning("%s", failure.reason)
            logger.info("%s  %s", prediction.name, prediction.summary())

    def write(self, engine: Engine) -> None:
        """Tables of all processes, in the order of the inputs."""
        predictions, failures = _gather(self.predictions), _gather(self.dataset.failures)
        unwritten = _gather(self.failures)
        if self.rank != 0:
            return
        refused = [(index, Prediction(failure.path, status=failure.code)) for index, failure in failures]
        write_tables(
            self.output_dir,
            self.analysis.labels,
            _in_order(predictions + refused),
            _in_order(failures),
            _in_order(unwritten),
            model_hash=self.analysis.algorithm.weights_sha256,
        )


def _in_order(numbered: list) -> list:
    """Entries of (index, entry), by index; equal indices keep their order."""
    return [entry for _, entry in sorted(numbered, key=lambda pair: pair[0])]


def _gather(mine: list) -> list:
    """Entries of every process on rank 0; of this one alone without others."""
    if not dist.is_initialized():
        return mine
    parts: list = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    return [entry for part in parts for entry in part]
