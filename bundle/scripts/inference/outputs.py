"""Writes the files of one prediction: attention overlay, enhanced image, DICOM objects."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common.failures import Failure
from ..common.printable import file_stem
from ..dicom import RefusedInput, write_enhanced, write_png16
from ..dicom.objects import Algorithm, load_source
from ..report.figures import save_png
from ..report.image_figures import attention_overlay
from .dicom_results import write_dicom_results
from .study_prediction import StudyPrediction

_OVERLAY_PIXELS = 1024


class ResultWriter:
    """Writes ``overlays/``, ``enhanced/`` and ``dicom/`` of an output folder.

    Args:
        output_dir: output folder.
        algorithm: software and weights that computed the results, for the DICOM objects.
        dicom: also write DICOM objects of DICOM films.
        pictures: write overlays and enhanced images.

    Raises:
        ValueError: ``dicom`` without highdicom.
    """

    def __init__(self, output_dir: str | Path, algorithm: Algorithm, *, dicom: bool, pictures: bool = True) -> None:
        if dicom and importlib.util.find_spec("highdicom") is None:
            raise ValueError(
                "dicom: objects cannot be written; expected the package highdicom, found none; pip install highdicom"
            )
        self.output_dir, self.algorithm, self.dicom, self.pictures = Path(output_dir), algorithm, dicom, pictures

    def write(self, index: int, prediction: StudyPrediction) -> None:
        """Write the files of a prediction, named by index and start of the file name, never by a patient or a UID.

        Args:
            index: index of the film among the inputs.
            prediction: prediction with status ``ok``; receives ``dicom_files``, and a failure for each missing object.
        """
        assert prediction.source_path is not None
        name = f"{index:05}_{file_stem(prediction.source_path)}"
        if self.pictures:
            with _recorded(prediction):
                self.write_overlay(name, prediction)
            with _recorded(prediction):
                self.write_enhanced_image(name, prediction)
        if self.dicom and prediction.is_dicom:
            with _recorded(prediction):
                source = load_source(prediction.source_path)
                write_dicom_results(source, self.output_dir / "dicom" / name, prediction, self.algorithm)

    def write_overlay(self, name: str, prediction: StudyPrediction) -> None:
        """Draw attention and regions over the film, reduced by a whole factor towards ``_OVERLAY_PIXELS`` a side."""
        image, attention = prediction.image, prediction.attention_map
        assert image is not None and attention is not None
        step = max(1, max(image.shape) // _OVERLAY_PIXELS)
        boxes = [tuple(value // step for value in box) for box in prediction.regions]
        figure = attention_overlay(image[::step, ::step], attention[::step, ::step], boxes, prediction.region_labels)
        save_png(figure, self.output_dir / "overlays" / f"{name}.png")

    def write_enhanced_image(self, name: str, prediction: StudyPrediction) -> None:
        """Write the enhanced image: of a DICOM film as a derived DICOM image, of others as PNG.

        Raises:
            RefusedInput: no DICOM image can be derived from the film, because it has no UIDs or was deleted; the PNG is
                written.
        """
        if prediction.enhanced is None:
            return
        assert prediction.source_path is not None
        folder, software = self.output_dir / "enhanced", self.algorithm.software
        try:
            if prediction.is_dicom:
                source, path = load_source(prediction.source_path), folder / f"{name}.dcm"
                write_enhanced(source, prediction.enhanced, path, description=prediction.description, software=software)
                return
        except RefusedInput:
            write_png16(prediction.enhanced, folder / f"{name}.png")
            raise
        write_png16(prediction.enhanced, folder / f"{name}.png")


@contextmanager
def _recorded(prediction: StudyPrediction) -> Iterator[None]:
    """Turn an error into a failure of the prediction, so that its other files are still written."""
    try:
        yield
    except RefusedInput as refusal:
        prediction.add_refusal(refusal)
    except Exception as error:
        prediction.failures.append(Failure.unexpected(prediction.name, error))
