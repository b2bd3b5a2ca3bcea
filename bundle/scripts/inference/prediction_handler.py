"""Handler of the workflow ``inferring``: results of each batch, and at the end the tables of all processes."""

from __future__ import annotations

from pathlib import Path

import torch.distributed as dist
from ignite.engine import Engine, Events

from .analysis import FilmAnalysis
from .result_folder import ResultFolder
from .study_images import StudyImages


class PredictionHandler:
    """Attach to an evaluator over :class:`.study_images.StudyImages` that steps with a :class:`.classifier.Classifier`.

    Args:
        analysis: turns the outputs of the network for one film into its prediction.
        dataset: films of this process; it records which images were rejected.
        output_dir: folder of the results, see :class:`.result_folder.ResultFolder`.
        rank: number of this process; rank 0 writes the tables of all processes.
        dicom: also write the DICOM objects of DICOM films, to ``dicom/``.

    Raises:
        ValueError: ``dicom`` without highdicom.
    """

    def __init__(
        self, analysis: FilmAnalysis, dataset: StudyImages, output_dir: str | Path, rank: int = 0, dicom: bool = False
    ) -> None:
        self.analysis, self.dataset, self.rank = analysis, dataset, rank
        self.results = ResultFolder(output_dir, analysis, dicom=dicom)

    def attach(self, engine: Engine) -> None:
        """Write the files of each film after its batch, and the tables at the end."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def collect(self, engine: Engine) -> None:
        """Analyse the films of a batch and write their files."""
        output: dict = engine.state.output  # type: ignore[assignment]
        for index, prediction in self.analysis.predictions(output["parts"], self.dataset):
            self.results.add(index, prediction)

    def write(self, engine: Engine) -> None:
        """Write the tables of all processes."""
        self.results.rows, self.results.unwritten = _gather(self.results.rows), _gather(self.results.unwritten)
        rejected = _gather(self.dataset.failures)
        if self.rank == 0:
            self.results.finish(rejected)


def _gather(mine: list) -> list:
    """Entries of every process; those of this process where there is no other."""
    if not dist.is_initialized():
        return mine
    parts: list = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    return [entry for part in parts for entry in part]
