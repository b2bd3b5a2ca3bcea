"""Output folder of one run: the files of each film as it is predicted, and the tables at the end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ..common.failures import Failure
from ..evaluation.predictions import Prediction
from .analysis import FilmAnalysis
from .gallery.film_record import film_record, refused_record, run_record
from .gallery.prediction_gallery import PredictionGallery
from .outputs import ResultWriter, result_name
from .prediction_tables import write_tables
from .study_prediction import StudyPrediction

logger = logging.getLogger(__name__)

Entry = TypeVar("Entry")


class ResultFolder:
    """Writes predictions of films and keeps only their table rows, so that a run may have any number of films.

    Args:
        output_dir: gets ``predictions.html``, ``predictions.csv``, ``predictions.json``, ``failures.csv``,
            ``overlays/`` and ``enhanced/``.
        analysis: analysis that made the predictions; gives the labels and the hash of the weights.
        dicom: also write the DICOM objects of DICOM films, to ``dicom/``.
        shown_as: part of a path -> its replacement, for the names of films in tables and log lines.

    Attributes:
        rows: (index of the film among the inputs, table row).
        unwritten: (index of the film, result that could not be written).
        dicom_files: DICOM objects that were written.
        failures: rows of ``failures.csv``, after :meth:`finish`.

    Raises:
        ValueError: ``dicom`` without highdicom.
    """

    def __init__(
        self,
        output_dir: str | Path,
        analysis: FilmAnalysis,
        *,
        dicom: bool = False,
        shown_as: Mapping[str, str] | None = None,
    ) -> None:
        self.output_dir, self.analysis, self.shown_as = Path(output_dir), analysis, shown_as or {}
        self.writer = ResultWriter(output_dir, analysis, dicom=dicom)
        self.gallery = PredictionGallery(self.output_dir / "predictions.html", run_record(analysis))
        self.rows: list[tuple[int, Prediction]] = []
        self.unwritten: list[tuple[int, Failure]] = []
        self.dicom_files: list[Path] = []
        self.failures: list[Failure] = []

    def add(self, index: int, prediction: StudyPrediction) -> None:
        """Write the overlay, the enhanced image, the DICOM objects and the pictures of a film, and keep its row.

        Args:
            index: index of the film among the inputs.
            prediction: prediction with status ``ok``.
        """
        self.writer.write(index, prediction)
        for part, replacement in self.shown_as.items():
            prediction.rename(part, replacement)
        assert prediction.source_path is not None
        self.gallery.add(result_name(index, prediction.source_path), index, prediction)
        self.rows.append((index, prediction.row()))
        self.dicom_files += prediction.dicom_files
        for failure in prediction.failures:
            self.unwritten.append((index, failure))
            logger.warning("%s", failure.reason)
        logger.info("%s  %s", prediction.name, prediction.summary())

    def finish(self, rejected: Sequence[tuple[int, Failure]], missing: Sequence[Failure] = ()) -> None:
        """Write the tables and the page, in the order of the inputs.

        Args:
            rejected: (index among the inputs, reason) of each image that was not used.
            missing: films that could not be fetched, under the name that tables show; last in ``predictions.csv``.
        """
        for part, replacement in self.shown_as.items():
            rejected = [(index, failure.rename(part, replacement)) for index, failure in rejected]
        rows = self.rows + [(index, Prediction(failure.path, status=failure.code)) for index, failure in rejected]
        not_fetched = [Prediction(failure.path, status=failure.code) for failure in missing]
        not_used, unwritten = [*missing, *_in_order(rejected)], _in_order(self.unwritten)
        write_tables(
            self.output_dir,
            self.analysis.labels,
            [*_in_order(rows), *not_fetched],
            not_used,
            unwritten,
            model_hash=self.analysis.algorithm.weights_sha256,
        )
        self.failures = not_used + unwritten
        films = [film_record(index, row) for index, row in self.rows]
        films += [refused_record(index, failure) for index, failure in rejected]
        last = len(films)
        films += [refused_record(last + number, failure) for number, failure in enumerate(missing)]
        self.gallery.write(films)


def _in_order(numbered: Sequence[tuple[int, Entry]]) -> list[Entry]:
    """Entries of (index, entry), by index; entries of the same index keep their order."""
    return [entry for _, entry in sorted(numbered, key=lambda pair: pair[0])]
