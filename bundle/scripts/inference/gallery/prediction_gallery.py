"""The page of an output folder: the pictures of each film as it is predicted, and the page at the end.

The page is an addition. If it cannot be written, the log says so, and the prediction is complete without it.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...common.atomic import atomic_write, make_folder, open_for_owner, replace_folder
from ...common.text_file import read_json
from ...evaluation.predictions import OK
from ..study_prediction import StudyPrediction
from .film_pictures import film_pictures
from .film_record import prediction_record
from .gallery_page import data_uri, render_page

logger = logging.getLogger(__name__)

_RECORD = "film.json"
_SELF_CONTAINED = 50  # most films of a page that contains its pictures, about 15 MB


class PredictionGallery:
    """Page of predictions, with a folder beside it for the pictures.

    Several processes may add films to one page; one of them writes it.

    Args:
        page: path of the page, for example ``OUT/predictions.html``; its pictures go to ``OUT/predictions_files``.
        run: what belongs to all films, see :func:`.film_record.run_record`.
        title: heading of the page.
    """

    def __init__(self, page: Path, run: dict[str, Any], title: str = "Predictions") -> None:
        self.page, self.run, self.title = page, run, title
        self.folder = page.with_name(f"{page.stem}_files")

    def add(self, name: str, order: float, prediction: StudyPrediction) -> None:
        """Write the pictures and the record of a film, which replace earlier ones of that name.

        Args:
            name: name of the folder of its pictures.
            order: position of the film on the page.
            prediction: prediction of a film, or the rejection of a study.
        """
        target = self.folder / name
        with _logged(f"{prediction.name}: is shown without pictures in {self.page.name}"):
            shutil.rmtree(target, ignore_errors=True)  # results of an earlier run
            record = prediction_record(order, prediction, self.page.parent)
            pictures: dict[str, bytes] = {}
            if prediction.status == OK:
                pictures, regions = film_pictures(prediction)
                record["regions"] = [{**own, **more} for own, more in zip(record["regions"], regions, strict=True)]
            # The folder is renamed when it is complete. Synchronising each file would take longer than drawing it.
            fresh = target.with_name(f".{target.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            make_folder(fresh)
            for file, content in {**pictures, _RECORD: json.dumps(record).encode()}.items():
                with open(fresh / file, "wb", opener=open_for_owner) as stream:
                    stream.write(content)
            replace_folder(fresh, target)

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the record of each film that was added, by the name of its folder."""
        found = (path.parent.name for path in self.folder.glob(f"*/{_RECORD}"))
        names = sorted(name for name in found if not name.startswith("."))  # not of a process that was killed
        return {name: read_json(self.folder / name / _RECORD, "a film", "predict it again") for name in names}

    def write(self, films: Sequence[dict[str, Any]] | None = None) -> None:
        """Write the page.

        Up to 50 films, the page contains its pictures and the folder beside it is removed. More films stay in the
        folder, from which the page loads what is seen.

        Args:
            films: records of all films of the page; one with the order and the name of a film that was added gets its
                pictures, and the pictures of all other films are removed. ``None``: all films that were added; the
                pictures stay in the folder, since more films may follow.
        """
        with _logged(f"{self.page}: could not be written"):
            added, chosen = self.records(), []
            if films is None:
                chosen = [{**record, "folder": name} for name, record in added.items()]
            else:
                by_film = {(record["order"], record["name"]): name for name, record in added.items()}
                for film in films:
                    name = by_film.get((film["order"], film["name"]))
                    chosen.append(film if name is None else {**added[name], "folder": name})
                for name in added.keys() - {film.get("folder") for film in chosen}:
                    shutil.rmtree(self.folder / name)
            chosen.sort(key=lambda film: film["order"])
            inside = films is not None and len(chosen) <= _SELF_CONTAINED
            html = self._with_pictures(chosen) if inside else self._with_links(chosen)
            with atomic_write(self.page) as file:
                file.write(html.encode("utf-8"))
            if inside:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _with_links(self, films: list[dict[str, Any]]) -> str:
        """Return a page that loads its pictures from the folder beside it."""
        folder = quote(self.folder.name)
        for film in films:
            link = f"{folder}/{quote(film['folder'], safe='')}/thumbnail.jpg" if film["pictures"] else None
            film["thumbnail"] = link
        return render_page(self.title, self.run, films, folder=folder)

    def _with_pictures(self, films: list[dict[str, Any]]) -> str:
        """Return a page that contains its pictures."""
        pictures = []
        for film in films:
            own = self.folder / film.get("folder", "")
            files = sorted(path for path in own.iterdir() if path.name != _RECORD) if film["pictures"] else []
            pictures.append({path.name: data_uri(path.name, path.read_bytes()) for path in files})
            film["thumbnail"] = pictures[-1].pop("thumbnail.jpg", None)
        return render_page(self.title, self.run, films, pictures=pictures)


@contextmanager
def _logged(consequence: str) -> Iterator[None]:
    """Log an error instead of raising it, without its text, which may quote patient data."""
    try:
        yield
    except Exception as error:
        logger.warning("%s: %s; the other results are complete", consequence, type(error).__name__)
