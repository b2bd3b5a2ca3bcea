"""Writes the files of one prediction: attention overlay, enhanced image, DICOM objects."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common.failures import Failure
from ..common.printable import file_stem
from ..dicom import RefusedInput, write_enhanced, write_png16
from ..dicom.objects import load_source
from ..report.figures import save_png
from ..report.image_figures import attention_overlay
from .analysis import FilmAnalysis
from .dicom_results import write_dicom_results
from .study_prediction import StudyPrediction

_OVERLAY_PIXELS = 1024


class ResultWriter:
    """Writes ``overlays/``, ``enhanced/`` and ``dicom/`` of an output folder.

    Args:
        output_dir: output folder.
        analysis: analysis that made the predictions; names the software and the kinds of DICOM objects.
        dicom: also write DICOM objects of DICOM films.
        pictures: write overlays and enhanced images.

    Raises:
        ValueError: ``dicom`` without highdicom.
    """

    def __init__(self, output_dir: str | Path, analysis: FilmAnalysis, *, dicom: bool, pictures: bool = True) -> None:
        if dicom and importlib.util.find_spec("highdicom") is None:
            raise ValueError(
                "dicom: objects cannot be written; expected the package highdicom, found none; pip install highdicom"
            )
        self.output_dir, self.dicom, self.pictures = Path(output_dir), dicom, pictures
        self.algorithm, self.dicom_objects = analysis.algorithm, analysis.dicom_objects

    def write(self, index: int, prediction: StudyPrediction) -> None:
        """Write the files of a prediction, named by index and start of the file name, never by a patient or a UID.

        Args:
            index: index of the film among the inputs.
            prediction: prediction with status ``ok``; receives ``picture_files``, ``dicom_files``, and a failure for
                each missing object.
        """
        assert prediction.source_path is not None
        name = result_name(index, prediction.source_path)
        if self.pictures:
            with _recorded(prediction):
                self.write_overlay(name, prediction)
            with _recorded(prediction):
                self.write_enhanced_image(name, prediction)
        if self.dicom and prediction.is_dicom:
            with _recorded(prediction):
                source = load_source(prediction.source_path)
                folder = self.output_dir / "dicom" / name
                write_dicom_results(source, folder, prediction, self.algorithm, self.dicom_objects)

    def write_overlay(self, name: str, prediction: StudyPrediction) -> None:
        """Draw attention and regions over the film, reduced by a whole factor towards ``_OVERLAY_PIXELS`` a side."""
        image, attention = prediction.image, prediction.attention_map
        assert image is not None and attention is not None
        step = max(1, max(image.shape) // _OVERLAY_PIXELS)
        boxes = [tuple(value // step for value in box) for box in prediction.regions]
        figure = attention_overlay(image[::step, ::step], attention[::step, ::step], boxes, prediction.region_labels)
        prediction.picture_files.append(save_png(figure, self.output_dir / "overlays" / f"{name}.png"))

    def write_enhanced_image(self, name: str, prediction: StudyPrediction) -> None:
        """Write the enhanced image: of a DICOM film as a derived DICOM image, of others as PNG.

        A DICOM film from which no image can be derived, since it has no UIDs or was deleted, gives a PNG and a failure.
        """
        if prediction.enhanced is None:
            return
        assert prediction.source_path is not None
        picture, dicom = (self.output_dir / "enhanced" / f"{name}.{suffix}" for suffix in ("png", "dcm"))
        enhanced, description, software = prediction.enhanced, prediction.description, self.algorithm.software
        if prediction.is_dicom:
            try:
                source = load_source(prediction.source_path)
                write_enhanced(source, enhanced, dicom, description=description, software=software)
                prediction.picture_files.append(dicom)
                return
            except RefusedInput as refusal:
                prediction.add_refusal(refusal)
        write_png16(enhanced, picture)
        prediction.picture_files.append(picture)


def result_name(index: int, path: Path) -> str:
    """Return the name of the results of a film: its index among the inputs and the start of its file name."""
    return f"{index:05}_{file_stem(path)}"


@contextmanager
def _recorded(prediction: StudyPrediction) -> Iterator[None]:
    """Turn an error into a failure of the prediction, so that its other files are still written."""
    try:
        yield
    except RefusedInput as refusal:
        prediction.add_refusal(refusal)
    except Exception as error:
        prediction.failures.append(Failure.unexpected(prediction.name, error))
