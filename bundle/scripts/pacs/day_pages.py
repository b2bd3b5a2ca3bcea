"""Pages of ``watch``: one a day, ``pages/YYYY-MM-DD.html``, with the studies that were predicted on it.

The pages hold radiographs. Only their owner can read them, they name a study as the log does, and nothing removes them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ..common.atomic import make_folder
from ..inference.analysis import FilmAnalysis
from ..inference.gallery.film_record import run_record
from ..inference.gallery.prediction_gallery import PredictionGallery
from ..inference.study_prediction import StudyPrediction


class DayPages:
    """Pages of an output folder.

    Args:
        out_dir: output folder of ``watch``; gets ``pages/``.
        analysis: analysis that makes the predictions.

    Raises:
        OSError: the folder of the pages cannot be made.
    """

    def __init__(self, out_dir: Path, analysis: FilmAnalysis) -> None:
        self.folder, self.run = out_dir / "pages", run_record(analysis)
        make_folder(self.folder, owner_only=True)

    def add(self, study: str, predictions: Sequence[StudyPrediction]) -> None:
        """Show the predictions of a study on the page of today; a study that is predicted again replaces its entry.

        Args:
            study: name of the study in the log, from a hash of its UID.
            predictions: its predictions, with names that start with ``study``.
        """
        today = date.today().isoformat()
        gallery = PredictionGallery(self.folder / f"{today}.html", self.run, f"Predictions of {today}")
        for number, prediction in enumerate(predictions):
            gallery.add(f"{study}-{number}", time.time(), prediction)
        gallery.write()
