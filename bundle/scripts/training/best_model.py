"""Writes the selected network as a model folder, atomically, on rank 0."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..data.dataset import RadiographDataset
from ..data.fingerprints import TRAINING_IMAGES, training_record
from ..networks.model_folder import find_model_folder, save_vit_multilabel
from ..networks.vit_multilabel import ViTMultilabel

logger = logging.getLogger(__name__)


class BestModel:
    """Callback that :class:`.selection.ModelSelection` calls after each epoch that improves on the best.

    Args:
        network: network with the averaged weights.
        folder: model folder; its ``metadata.json`` holds the labels, the preprocessing and the provenance.
        labels: names of the C outputs.
        provenance: settings of the run.
        training_data: training split, whose images are recorded in the folder.
        earlier: folders or hub ids of the models that training started from; their training images count as
            images of this one.
        rank: rank of this process; only rank 0 writes.
    """

    def __init__(
        self,
        network: ViTMultilabel,
        folder: str | Path,
        labels: Sequence[str],
        provenance: Mapping[str, Any],
        training_data: RadiographDataset,
        earlier: Sequence[str | Path | None] = (),
        rank: int = 0,
    ) -> None:
        self.network, self.folder, self.labels = network, Path(folder), list(labels)
        self.provenance, self.training_data, self.rank = dict(provenance), training_data, rank
        self.earlier = [find_model_folder(source) for source in earlier if source is not None]

    @cached_property
    def _record(self) -> bytes:
        """Record of the training images, which do not change within a run; it takes a look at each of them."""
        return training_record(self.training_data, self.earlier)

    def __call__(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Save the network of ``epoch``."""
        if self.rank != 0:
            return
        provenance = {**self.provenance, "epoch": epoch, "validation": dict(metrics)}
        record = {TRAINING_IMAGES: self._record}
        save_vit_multilabel(self.network, self.folder, labels=self.labels, provenance=provenance, files=record)
        logger.info("epoch %d saved: %s", epoch, self.folder)
