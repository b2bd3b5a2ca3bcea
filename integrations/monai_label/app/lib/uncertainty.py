"""``POST /activelearning/uncertainty``: the unlabelled image that the model is least sure about comes next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy
from scripts.inference.predictor import Predictor

from .training import FINDINGS
from .values import CANDIDATES

logger = logging.getLogger(__name__)


class Uncertainty(Strategy):
    """Largest mean entropy of the findings (Settles 2009); an image's entropy is kept while the model stays.

    Args:
        predictor: gives the model that is current.
    """

    def __init__(self, predictor: Callable[[], Predictor]) -> None:
        super().__init__(f"The least certain of {CANDIDATES} images without findings")
        self.predictor = predictor
        self.model: Predictor | None = None
        self.entropies: dict[str, float] = {}

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, str] | None:
        """``{"id": image}``, or ``None`` when every usable image has its findings."""
        if self.model is not self.predictor():
            self.model, self.entropies = self.predictor(), {}
        unlabelled = [
            image for image in sorted(datastore.list_images()) if FINDINGS not in datastore.get_image_info(image)
        ]
        known = {image: self.entropy(image, datastore) for image in unlabelled[: request.get("candidates", CANDIDATES)]}
        usable = {image: entropy for image, entropy in known.items() if np.isfinite(entropy)}
        return {"id": max(usable, key=lambda image: usable[image])} if usable else None

    def entropy(self, image: str, datastore: Datastore) -> float:
        """Mean over the labels, bit; NaN for an image that cannot be used."""
        if image not in self.entropies:
            assert self.model is not None
            (prediction, *_) = self.model.without_enhancement().predict([datastore.get_image_uri(image)])
            if prediction.shown is None:
                logger.warning("left out: %s", "; ".join(failure.reason for failure in prediction.failures))
            self.entropies[image] = float("nan") if prediction.shown is None else mean_entropy(prediction.shown)
        return self.entropies[image]


def mean_entropy(probabilities: np.ndarray) -> float:
    """(C,) -> bit."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean())
