"""From the outputs of the network for a film to the prediction of the film; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..calibration.classifier_loading import calibration_of
from ..calibration.novelty import FLAG_ABOVE, load_novelty
from ..calibration.scale import sigmoid
from ..calibration.spread import member_spread
from ..common.choices import check_choice
from ..common.failures import Failure
from ..common.geometry import SquareGeometry, map_to_source
from ..dicom.objects import OBJECT_KINDS, Algorithm
from ..networks.ensemble import Network
from ..networks.loading import weights_sha256
from ..super_resolution.enhancers.enhancer import Enhancer
from ..super_resolution.enhancers.registry import make_enhancer
from ..super_resolution.region_enhancer import DESCRIPTION, EnhanceSettings, RegionEnhancer
from ..super_resolution.region_maps import check_selector, film_maps
from ..workflow import CONFIG_DIR
from .classifier import Classified
from .study_images import StudyImages
from .study_prediction import StudyPrediction

_NOVEL = "novel: unlike the images that the network was trained on"


class FilmAnalysis:
    """Probabilities, calibration, novelty, attention, regions and enhancement of one film.

    Args:
        network: classifier; its ``labels`` name the outputs.
        model_dir: folder of the weights, with ``thresholds.json`` and a measure of novelty where it was calibrated;
            several networks as :func:`..networks.model_members.find_model` gives them.
        enhancer: super-resolution of the regions; ``None``: no regions and no enhanced image.
        settings: settings of the choice of regions and of the paste.
        attention_method: name of the method that made the maps.
        dicom_objects: kinds of DICOM objects that are written of a prediction where DICOM objects are wanted.

    Raises:
        ValueError: a calibration for other labels or weights, or a selector that needs the training films.
    """

    def __init__(
        self,
        network: Network,
        model_dir: str | Path | Sequence[str | Path],
        enhancer: Enhancer | None,
        settings: EnhanceSettings,
        attention_method: str,
        dicom_objects: Sequence[str] = OBJECT_KINDS,
    ) -> None:
        self.labels, self.image_size = list(network.labels or []), network.image_size
        check_selector(settings.selector)
        for kind in dicom_objects:
            check_choice("dicom_objects", kind, OBJECT_KINDS)
        self.attention_method, self.dicom_objects = attention_method, tuple(dicom_objects)
        self.region_enhancer = None if enhancer is None else RegionEnhancer(enhancer, settings)
        self.algorithm = Algorithm(software_version(), weights_sha256(model_dir))
        self.calibration, self.novelty = calibration_of(model_dir, network), load_novelty(model_dir)

    def __call__(self, item: Mapping[str, Any], classified: Classified) -> StudyPrediction:
        """Return the prediction of an item of :class:`.study_images.StudyImages`.

        Args:
            item: ``source`` (1, H, W), ``meta``, ``path`` and ``name``.
            classified: outputs of the network for this item.
        """
        film, meta = item["source"], item["meta"]
        prediction = StudyPrediction(
            item["name"],
            source_path=Path(item["path"]),
            is_dicom=meta["source_format"] == "dicom",
            labels=self.labels,
            flags=list(meta["flags"]),
            image=film[0].numpy(),
            spacing_mm=meta["spacing_mm"],
            image_size=self.image_size,
            description=self.description(),
        )
        self.interpret(prediction, classified, SquareGeometry(film.shape[-2], film.shape[-1], self.image_size))
        if self.region_enhancer is not None:
            self.enhance(prediction, film, classified, self.region_enhancer)
        return prediction

    def predictions(
        self, parts: Iterable[tuple[Mapping[str, Any], Classified | Exception]], dataset: StudyImages
    ) -> Iterator[tuple[int, StudyPrediction]]:
        """Analyse the films of a batch, one after another.

        Args:
            parts: batch of :func:`.study_images.collate` with its outputs, see :meth:`.classifier.Classifier.parts`.
            dataset: data set of the films; records an unexpected error as the failure of its film.

        Yields:
            (index among the inputs, prediction) of each film.
        """
        for batch, classified in parts:
            rows: Iterable[Classified | Exception]
            rows = [classified] if isinstance(classified, Exception) else classified.rows()
            for number, row in enumerate(rows):
                item = {name: batch[name][number] for name in ("source", "meta", "path", "name")}
                try:
                    if isinstance(row, Exception):
                        raise row
                    prediction = self(item, row)
                except Exception as error:
                    dataset.fail(batch["index"][number], item["name"], error)
                    continue
                yield batch["index"][number], prediction

    def interpret(self, prediction: StudyPrediction, classified: Classified, geometry: SquareGeometry) -> None:
        """Set logits, probabilities, calibration, novelty and maps."""
        logits = classified.logits.double().numpy()
        prediction.logits, prediction.probabilities = logits, sigmoid(logits)
        if self.calibration is not None:
            calibrated = self.calibration.apply(logits[None])
            prediction.calibrated, prediction.decisions = calibrated.probabilities[0], calibrated.decisions[0]
        if classified.member_logits is not None:
            members = classified.member_logits[None].numpy()
            prediction.spread = member_spread(members)[0]
            if self.calibration is not None:
                prediction.calibrated_spread = member_spread(members, self.calibration)[0]
        if self.novelty is not None:
            prediction.novelty = float(self.novelty.score(classified.features[None].numpy())[0])
            prediction.flags += [_NOVEL] if prediction.novelty > FLAG_ABOVE else []
        explained = classified.explained
        prediction.attention_map = map_to_source(explained.region_maps(self.labels)[0], geometry).numpy()
        prediction.label_maps = explained.maps[0].numpy() if explained.per_label else None

    def enhance(
        self,
        prediction: StudyPrediction,
        source: torch.Tensor,
        classified: Classified,
        region_enhancer: RegionEnhancer,
    ) -> None:
        """Set regions and the enhanced image; a region that is not finite is left out, with a failure."""
        (maps,) = film_maps(classified.explained, self.labels)
        chosen = region_enhancer.choose(source, maps, self.image_size)
        prediction.regions = [region.box for region in chosen.regions]
        prediction.region_labels = [region.label for region in chosen.regions]
        (enhanced,) = region_enhancer.enhance([chosen])
        prediction.enhanced_regions = enhanced
        if enhanced.rejected:
            prediction.failures.append(_not_finite(prediction.name, region_enhancer.enhancer.name))
        if not enhanced.regions:
            return
        image = region_enhancer.paste(enhanced)[0][0].numpy()  # (s·H, s·W)
        prediction.enhanced = image
        if prediction.spacing_mm:
            scale = image.shape[0] / source.shape[-2]
            prediction.enhanced_spacing = [step / scale for step in prediction.spacing_mm]

    def description(self) -> str:
        """Return the text of DerivationDescription (0008,2111): the enhancement and its enhancer."""
        if self.region_enhancer is None:
            return DESCRIPTION
        enhancer = self.region_enhancer.enhancer
        return f"{DESCRIPTION}; {enhancer.name} {enhancer.weights_hash}".strip()


def enhancer_if(wanted: bool, name: str, **settings: Any) -> Enhancer | None:
    """Make the enhancer of ``inference.yaml``, or none.

    Args:
        wanted: whether films are enhanced; without, no weights are loaded, and diffusers is not imported.
        name: name of the enhancer.
        settings: other arguments of :func:`..super_resolution.enhancers.registry.make_enhancer`.
    """
    return make_enhancer(name, **settings) if wanted else None


def _not_finite(name: str, enhancer: str) -> Failure:
    """Return the failure of an enhancer whose output is not finite."""
    reason = f"{name}: {enhancer} gave NaN or infinity; expected finite pixels"
    return Failure(name, "NOT_FINITE", reason, f"check the weights of {enhancer}")


def software_version() -> str:
    """Return the version of this bundle."""
    return str(json.loads((CONFIG_DIR / "metadata.json").read_text(encoding="utf-8"))["version"])
