"""Predicts the films of a study and keeps its DICOM objects, as a complete folder, until they are stored.

Results wait in ``outbox/`` until the PACS has all of them. A process that is killed in between sends the same files
again, under the same UIDs, instead of computing them again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..common.atomic import make_folder, replace
from ..common.failures import Failure, read_failures, write_failures
from ..inference.outputs import ResultWriter
from ..inference.predictor import Predictor
from .day_pages import DayPages

OWNER_ONLY = 0o700  # patients' images


class Outbox:
    """Results that wait to be stored.

    Args:
        out_dir: folder for ``outbox/`` and ``work/``, which only their owner can read.
        predictor: loaded model.
        pages: pages that show the predictions; ``None``: no pages.

    Raises:
        ValueError: highdicom is not installed.
    """

    def __init__(self, out_dir: Path, predictor: Predictor, pages: DayPages | None = None) -> None:
        # A missing package is reported at the start, not at the first study.
        ResultWriter(out_dir, predictor.analysis, dicom=True)
        self.predictor, self.pages = predictor, pages
        self.folder, self.work = out_dir / "outbox", out_dir / "work"
        shutil.rmtree(self.work, ignore_errors=True)  # of a process that was killed
        for folder in (self.folder, self.work):
            make_folder(folder, owner_only=True)

    def has(self, study: str) -> bool:
        """Return whether the results of a study are complete."""
        return (self.folder / study).is_dir()

    def fill(self, study: str, fetch: Callable[[Path], list[Failure]]) -> tuple[str, list[Failure]]:
        """Fetch and predict the films of a study, and move its DICOM objects, if there are any, into the outbox.

        Args:
            study: name of the study, for its folder and in messages.
            fetch: writes films into a given folder and returns a failure for each that it could not fetch.

        Returns:
            (summary of the findings, a failure for each film or object).
        """
        with tempfile.TemporaryDirectory(dir=self.work) as name:
            films, results = Path(name) / "films", Path(name) / "results"
            films.mkdir()
            failures = fetch(films)
            findings = ""
            if any(films.iterdir()):
                findings, refused = self.predict(study, films, results)
                failures += refused
            failures = [failure.rename(str(films), study) for failure in failures]
            objects = sorted(results.glob("dicom/*/*.dcm"))
            if objects:
                complete = Path(name) / "complete"
                complete.mkdir()
                for path in objects:  # a study of several patients has a folder for each
                    replace(path, complete / f"{path.parent.name}-{path.name}")
                write_failures(complete / "failures.csv", failures)
                replace(complete, self.folder / study)
        return findings, failures

    def predict(self, study: str, films: Path, results: Path) -> tuple[str, list[Failure]]:
        """Predict the films of a study, and show them on the page of the day.

        Args:
            study: name of the study, for its page.
            films: folder of its films.
            results: folder of the DICOM objects.

        Returns:
            (summary of the findings, failures); an unexpected error becomes a failure of the study.
        """
        try:
            predictions = self.predictor.predict([films], results, dicom=True, pictures=False)
        except Exception as error:
            return "", [Failure.unexpected(str(films), error)]
        for prediction in predictions:
            prediction.rename(str(films), study)
        if self.pages is not None:
            self.pages.add(study, predictions)
        findings = "; ".join(filter(None, (prediction.summary() for prediction in predictions)))
        return findings, [failure for prediction in predictions for failure in prediction.failures]

    def studies(self) -> list[str]:
        """Return the names of the studies whose results are complete."""
        return sorted(folder.name for folder in self.folder.iterdir())

    def objects(self, study: str) -> list[Path]:
        """Return the DICOM objects of a study."""
        return sorted((self.folder / study).glob("*.dcm"))

    def failures(self, study: str) -> list[Failure]:
        """Return the failures that were recorded when the results of a study were made."""
        return read_failures(self.folder / study / "failures.csv")

    def remove(self, study: str) -> None:
        """Remove the results of a study."""
        shutil.rmtree(self.folder / study, ignore_errors=True)
