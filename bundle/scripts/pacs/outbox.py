"""Films of one study -> its result objects, in a folder that is there as a whole or not at all.

Results wait in ``outbox/`` until the PACS has them all: whoever is killed in between sends the same files again, under
the same UIDs, instead of computing them again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from ..common.atomic import make_folder
from ..common.failures import Failure, read_failures, write_failures
from ..inference.outputs import ResultWriter
from ..inference.predictor import Predictor

OWNER_ONLY = 0o700  # patients' images


class Outbox:
    """Results that wait to be stored.

    Args:
        out_dir: gets ``outbox/`` and ``work/``, which nobody else may read.
        predictor: of the studies.

    Raises:
        ValueError: highdicom is not installed.
    """

    def __init__(self, out_dir: Path, predictor: Predictor) -> None:
        ResultWriter(out_dir, predictor.analysis.algorithm, dicom=True)  # what it needs is missing now or never
        self.predictor = predictor
        self.folder, self.work = out_dir / "outbox", out_dir / "work"
        shutil.rmtree(self.work, ignore_errors=True)  # of a process that was killed
        for folder in (self.folder, self.work):
            make_folder(folder, owner_only=True)

    def has(self, study: str) -> bool:
        """Whether a study's results are complete."""
        return (self.folder / study).is_dir()

    def fill(self, study: str, fetch: Callable[[Path], list[Failure]]) -> tuple[str, list[Failure]]:
        """Fetch a study's films, predict, and put its objects into the outbox when there are any.

        Args:
            study: name of its folder, and of the study in messages.
            fetch: puts films into the folder that it is given, and returns what it could not fetch.

        Returns:
            Findings in words, and every film and object that failed.
        """
        with tempfile.TemporaryDirectory(dir=self.work) as name:
            films, results = Path(name) / "films", Path(name) / "results"
            films.mkdir()
            failures = fetch(films)
            findings = ""
            if any(films.iterdir()):
                findings, refused = self.predict(films, results)
                failures += refused
            failures = [failure.rename(str(films), study) for failure in failures]
            for folder in results.glob("dicom/*"):  # one, or none
                write_failures(folder / "failures.csv", failures)
                os.replace(folder, self.folder / study)
        return findings, failures

    def predict(self, films: Path, results: Path) -> tuple[str, list[Failure]]:
        """Findings of the study in a folder, in words, and what failed; what no check foresaw fails as well."""
        try:
            (prediction,) = self.predictor.predict([films], results, dicom=True, pictures=False)
        except OSError:  # a full disk concerns every study
            raise
        except Exception as error:
            return "", [_internal(str(films), error)]
        return prediction.summary(), prediction.failures

    def studies(self) -> list[str]:
        """Studies whose results are complete."""
        return sorted(folder.name for folder in self.folder.iterdir())

    def objects(self, study: str) -> list[Path]:
        """DICOM files of a study's results."""
        return sorted((self.folder / study).glob("*.dcm"))

    def failures(self, study: str) -> list[Failure]:
        """What failed while they were made."""
        return read_failures(self.folder / study / "failures.csv")

    def remove(self, study: str) -> None:
        """Forget results that are stored."""
        shutil.rmtree(self.folder / study, ignore_errors=True)


def _internal(name: str, error: Exception) -> Failure:
    """Record of an error that nobody expected: where it came from; its words may quote the patient's data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    reason = f"{name}: failed inside with {type(error).__name__}, {Path(place.filename).name} line {place.lineno}"
    return Failure(name, "INTERNAL", f"{reason}; expected a prediction or a refusal", "report this line")
