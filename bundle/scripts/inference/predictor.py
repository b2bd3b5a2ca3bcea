"""Predictions for studies: the class behind ``predict``, ``watch``, ``receive`` and the integrations.

The workflow ``inferring`` runs the same parts (:class:`.classifier.Classifier`, :class:`.analysis.FilmAnalysis`,
:class:`.result_folder.ResultFolder`) in an engine of MONAI, which several processes can share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from ..common.failures import Failure
from ..tracking import config_as_run
from ..training.run_report import write_run_report
from .analysis import FilmAnalysis
from .classifier import Classifier
from .inputs import find_images
from .outputs import ResultWriter
from .result_folder import ResultFolder
from .study_images import Numbered, StudyImages, collate
from .study_prediction import StudyPrediction


class Predictor:
    """A loaded model with its enhancer; several threads may use one.

    Args:
        preprocessing: path in ``image`` -> resized ``image``, and ``source`` at full size; as in ``inference.yaml``.
        classifier: resized images -> logits, maps and features.
        analysis: outputs of the classifier for a film -> prediction of the film.
        batch_size: number of films that the classifier sees at once.
        settings: settings of the model, for ``run_report.json``.
    """

    def __init__(
        self,
        preprocessing: Callable[[dict], dict],
        classifier: Classifier,
        analysis: FilmAnalysis,
        batch_size: int = 8,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.preprocessing, self.classifier, self.analysis = preprocessing, classifier, analysis
        self.batch_size, self.settings = batch_size, dict(settings or {})
        # Paths of radiographs may contain names of patients.
        self.config = {key: value for key, value in config_as_run().items() if key != "inputs"}

    @property
    def labels(self) -> list[str]:
        """C names, in the order of the network's outputs."""
        return self.analysis.labels

    @classmethod
    def from_bundle(
        cls,
        bundle_root: str | Path,
        *,
        model_dir: str | Path | Sequence[str | Path] | None = None,
        device: str | None = None,
        **overrides: Any,
    ) -> Predictor:
        """Load what ``configs/inference.yaml`` describes.

        Args:
            bundle_root: folder with ``configs/`` and ``models/``.
            model_dir: folder that training wrote, or several whose predictions are averaged, see
                :func:`..calibration.classifier_loading.load_classifier`; ``None``: the shipped model.
            device: ``cpu``, ``cuda``, …; ``None``: a GPU when there is one.
            overrides: keys of ``inference.yaml``, for example ``enhance=False``. Values are data: a path that begins
                with ``$`` is a path.

        Raises:
            FileNotFoundError: no configuration or no model there.
            ValueError: an unknown key, or files that do not fit together.
        """
        from ..workflow import parse_component

        settings = {"bundle_root": bundle_root, **overrides}
        if model_dir:
            settings["model_dir"] = model_dir
        if device is not None:
            settings["device"] = device
        predictor = parse_component(Path(bundle_root) / "configs" / "inference.yaml", "predictor", settings)
        assert isinstance(predictor, cls)
        return predictor

    def without_enhancement(self) -> Predictor:
        """Return a predictor that shares the loaded model and makes no regions and no enhanced images."""
        predictor = copy(self)
        predictor.analysis = copy(self.analysis)
        predictor.analysis.region_enhancer = None
        return predictor

    def predict(
        self,
        inputs: Sequence[str | Path],
        out_dir: str | Path | None = None,
        *,
        dicom: bool = False,
        pictures: bool = True,
    ) -> list[StudyPrediction]:
        """Predict every study below ``inputs``, each film on its own.

        Args:
            inputs: files, folders and zip archives.
            out_dir: where overlays, enhanced images and DICOM objects go; ``None``: nowhere.
            dicom: write DICOM objects of DICOM films, to ``out_dir/dicom``.
            pictures: write overlays and enhanced images, to ``out_dir/overlays`` and ``out_dir/enhanced``.

        Returns:
            One entry per study, in the order in which they were found.

        Raises:
            FileNotFoundError: a path does not exist, or there is no candidate below any.
            ValueError: ``dicom`` without ``out_dir`` or without highdicom.
        """
        if dicom and out_dir is None:
            raise ValueError("dicom: objects need a folder; expected out_dir, found none; set out_dir")
        writer = None if out_dir is None else ResultWriter(out_dir, self.analysis, dicom=dicom, pictures=pictures)
        dataset = StudyImages(find_images(inputs), self.preprocessing)
        used: dict[int, StudyPrediction] = {}
        for index, prediction in self.predict_films(dataset):
            if writer is not None:
                writer.write(index, prediction)
            used[index] = prediction
        refused = dict(dataset.failures)
        return [_merge(study, used, refused) for study in dataset.studies()]

    def predict_to_folder(
        self,
        inputs: Sequence[str | Path],
        out_dir: str | Path,
        *,
        dicom: bool = False,
        missing: Sequence[Failure] = (),
        shown_as: Mapping[str, str] | None = None,
        unpack_to: Path | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> ResultFolder:
        """Predict every study below ``inputs`` and write all results; only table rows are kept in memory.

        Args:
            inputs: files, folders and zip archives; empty where all films are ``missing``.
            out_dir: gets ``predictions.csv``, ``predictions.json``, ``failures.csv``, ``run_report.json``,
                ``overlays/`` and ``enhanced/``.
            dicom: also write the DICOM objects of DICOM films, to ``out_dir/dicom``.
            missing: films that could not be fetched, for the tables.
            shown_as: part of a path -> its replacement, for the names of films in tables and log lines.
            unpack_to: folder for the content of archives, which the caller removes; ``None``: a temporary folder that
                is removed when the program ends.
            on_progress: is called with the numbers of finished films and of all films, at the start and after each
                film that is used; an exception that it raises ends the run.

        Returns:
            The folder, with its ``failures`` and ``dicom_files``.

        Raises:
            FileNotFoundError: a path does not exist, or there is no candidate below any.
            ValueError: ``dicom`` without highdicom.
        """
        results = ResultFolder(out_dir, self.analysis, dicom=dicom, shown_as=shown_as)
        dataset = StudyImages(find_images(inputs, unpack_to) if inputs else [], self.preprocessing)
        write_run_report(Path(out_dir), self.settings, self.config)
        if on_progress is not None:
            on_progress(0, len(dataset.data))
        for index, prediction in self.predict_films(dataset):
            results.add(index, prediction)
            if on_progress is not None:
                on_progress(len(results.rows) + len(dataset.failures), len(dataset.data))
        results.finish(dataset.failures, missing)
        return results

    def predict_films(self, dataset: StudyImages) -> Iterator[tuple[int, StudyPrediction]]:
        """Yield (index among the inputs, prediction) of each film that is used; films that fail are recorded."""
        for batch in DataLoader(dataset, self.batch_size, collate_fn=collate):
            yield from self.analysis.predictions(self.classifier.parts(batch), dataset)


def _merge(study: Sequence[Numbered], used: dict[int, StudyPrediction], refused: dict[int, Failure]) -> StudyPrediction:
    """Return the prediction of a study with the failures of its other films, or these failures alone."""
    failures = [refused[index] for index, _ in study if index in refused]
    for index, _ in study:
        if index in used:
            used[index].failures[:0] = failures
            return used[index]
    return StudyPrediction(failures[0].path, failures[0].code, failures)
