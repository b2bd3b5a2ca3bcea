"""``POST /activelearning/uncertainty``: proposes the unlabelled image about which the model is least certain."""

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
    """Strategy that chooses the image with the largest mean entropy of its findings (Settles 2009).

    Entropies are cached until the model changes.

    Args:
        predictor: returns the predictor with the current model.
    """

    def __init__(self, predictor: Callable[[], Predictor]) -> None:
        super().__init__(f"The least certain of {CANDIDATES} images without findings")
        self.predictor = predictor
        self.model: Predictor | None = None
        self.entropies: dict[str, float] = {}

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, str] | None:
        """Return ``{"id": image}``, or ``None`` when every usable image has findings."""
        if self.model is not self.predictor():
            self.model, self.entropies = self.predictor(), {}
        unlabelled = [
            image for image in sorted(datastore.list_images()) if FINDINGS not in datastore.get_image_info(image)
        ]
        known = {image: self.entropy(image, datastore) for image in unlabelled[: request.get("candidates", CANDIDATES)]}
        usable = {image: entropy for image, entropy in known.items() if np.isfinite(entropy)}
        return {"id": max(usable, key=lambda image: usable[image])} if usable else None

    def entropy(self, image: str, datastore: Datastore) -> float:
        """Return the mean entropy of an image, in bits; NaN for an image that cannot be used."""
        if image not in self.entropies:
            assert self.model is not None
            self.entropies[image] = float("nan")
            try:
                (prediction, *_) = self.model.without_enhancement().predict([datastore.get_image_uri(image)])
            except OSError as error:  # the image was deleted, or its series has none
                logger.warning("left out: %s", error)
                return self.entropies[image]
            if prediction.shown is None:
                logger.warning("left out: %s", "; ".join(failure.reason for failure in prediction.failures))
            else:
                self.entropies[image] = mean_entropy(prediction.shown)
        return self.entropies[image]


def mean_entropy(probabilities: np.ndarray) -> float:
    """Return the mean binary entropy of probabilities (C,), in bits."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean())
