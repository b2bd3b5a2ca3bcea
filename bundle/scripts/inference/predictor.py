"""Studies in, everything about them out: what ``predict --dicomweb``, ``watch`` and the integrations call.

The workflow ``inferring`` is made of the same parts (:class:`.classifier.Classifier`, :class:`.analysis.FilmAnalysis`,
:class:`.outputs.ResultWriter`) and gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from ..common.failures import Failure
from .analysis import FilmAnalysis
from .classifier import Classifier
from .inputs import find_images
from .outputs import ResultWriter
from .study_images import Numbered, StudyImages, collate
from .study_prediction import StudyPrediction


class Predictor:
    """A loaded model with its enhancer; several threads may use one.

    Args:
        preprocessing: as in ``inference.yaml``.
        classifier: fitted image -> logits, map, features.
        analysis: of one film.
    """

    def __init__(self, preprocessing: Callable[[dict], dict], classifier: Classifier, analysis: FilmAnalysis) -> None:
        self.preprocessing, self.classifier, self.analysis = preprocessing, classifier, analysis

    @property
    def labels(self) -> list[str]:
        """C names, in the order of the network's outputs."""
        return self.analysis.labels

    @classmethod
    def from_bundle(
        cls,
        bundle_root: str | Path,
        *,
        model_dir: str | Path | None = None,
        device: str | None = None,
        **overrides: Any,
    ) -> Predictor:
        """Load what ``configs/inference.yaml`` describes.

        Args:
            bundle_root: folder with ``configs/`` and ``models/``.
            model_dir: folder that training wrote; ``None``: the shipped model.
            device: ``cpu``, ``cuda``, …; ``None``: a GPU when there is one.
            overrides: keys of ``inference.yaml``, for example ``enhance=False``. Values are data: a path that begins
                with ``$`` is a path.

        Raises:
            FileNotFoundError: no configuration or no model there.
            ValueError: an unknown key, or files that do not fit together.
        """
        import torch

        from ..workflow import parse_component

        settings = {"bundle_root": bundle_root, **overrides}
        if model_dir is not None:
            settings["model_dir"] = model_dir
        if device is not None:
            settings["device"] = torch.device(device)
        predictor = parse_component(Path(bundle_root) / "configs" / "inference.yaml", "predictor", settings)
        assert isinstance(predictor, cls)
        return predictor

    def without_enhancement(self) -> Predictor:
        """The same loaded model, without regions and enhanced images."""
        analysis = copy(self.analysis)
        analysis.region_enhancer = None
        return Predictor(self.preprocessing, self.classifier, analysis)

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
        writer = (
            None if out_dir is None else ResultWriter(out_dir, self.analysis.algorithm, dicom=dicom, pictures=pictures)
        )
        dataset = StudyImages(find_images(inputs), self.preprocessing)
        used: dict[int, StudyPrediction] = {}
        for item in dataset:
            prediction = self.predict_film(item)
            if writer is not None:
                writer.write(item["index"], prediction)
            used[item["index"]] = prediction
        refused = dict(dataset.failures)
        return [_merge(study, used, refused) for study in dataset.studies()]

    def predict_film(self, item: dict[str, Any]) -> StudyPrediction:
        """One item of :class:`.study_images.StudyImages`."""
        batch = collate([item])
        (classified,) = self.classifier(batch["image"], batch["source"]).rows()
        return self.analysis(item, classified)


def _merge(study: Sequence[Numbered], used: dict[int, StudyPrediction], refused: dict[int, Failure]) -> StudyPrediction:
    """The prediction of a study with the refusals of its other films, or its refusals alone."""
    failures = [refused[index] for index, _ in study if index in refused]
    for index, _ in study:
        if index in used:
            used[index].failures[:0] = failures
            return used[index]
    return StudyPrediction(failures[0].path, failures[0].code, failures)
