"""Write the selected network as a model folder, atomically, on rank 0."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..networks.loading import save_vit_multilabel
from ..networks.vit_multilabel import ViTMultilabel

logger = logging.getLogger(__name__)


class BestModel:
    """Called by :class:`.selection.ModelSelection` with each better epoch.

    Args:
        network: the averaged (EMA) network.
        folder: model folder; its ``metadata.json`` holds the labels, the preprocessing and the provenance.
        labels: names of the C outputs.
        provenance: settings of the run.
        rank: only rank 0 writes.
    """

    def __init__(
        self,
        network: ViTMultilabel,
        folder: str | Path,
        labels: Sequence[str],
        provenance: Mapping[str, Any],
        rank: int = 0,
    ) -> None:
        self.network, self.folder, self.labels = network, Path(folder), list(labels)
        self.provenance, self.rank = dict(provenance), rank

    def __call__(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Save the network of ``epoch``."""
        if self.rank != 0:
            return
        provenance = {**self.provenance, "epoch": epoch, "validation": dict(metrics)}
        save_vit_multilabel(self.network, self.folder, labels=self.labels, provenance=provenance)
        logger.info("best so far: %s", self.folder)
