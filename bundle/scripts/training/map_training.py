"""Training of a network whose maps learn from boxes and masks: its batches and its loss.

Networks without such maps, and data without boxes and masks, train from the labels of the images alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ..data.finding_masks import FindingMasks, decode_findings
from ..networks.map_loss import MapLoss
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT

logger = logging.getLogger(__name__)


class MapTraining:
    """The parts of a training that depend on whether the maps of the network are trained.

    They are if the network has maps of its own (a patch head or label tokens), a loss on them has a weight, and an item
    has a box or mask. The network then returns its maps in training mode, and a new patch head starts with the places
    at which the training films show each label. A zoom network is trained without them: the boxes belong to its base
    model.

    Args:
        network: classifier; its attributes ``trains_maps`` and ``located_labels`` and the position bias of a new patch
            head are set.
        labels: labels of the network.
        items: training split.
        patch_weight: weight of the patch loss, see :class:`..networks.map_loss.MapLoss`.
        mass_weight: weight of the mass loss.
        num_workers: number of threads that read annotated images.

    Attributes:
        findings: source of the findings of the items; ``None`` if the maps are not trained.
        settings: weights of the losses on the maps, which must not change within a run; ``None`` if there are none.
    """

    def __init__(
        self,
        network: ViTMultilabel,
        labels: Sequence[str],
        items: Sequence[Mapping[str, Any]],
        *,
        patch_weight: float = 1.0,
        mass_weight: float = 1.0,
        num_workers: int = 2,
    ) -> None:
        weights = {"mass_weight": mass_weight} if network.map_names else {}
        weights |= {"patch_weight": patch_weight} if network.patch_head is not None else {}
        weights = {name: weight for name, weight in weights.items() if weight}
        self.settings: dict[str, float] | None = None
        self.findings: FindingMasks | None = None
        self.num_labels = len(labels)
        if not weights or isinstance(network, ZoomViT):
            return
        findings = FindingMasks(labels, network.image_size, num_workers)
        if not any(findings.names(item) for item in items):
            logger.info(
                "no training image has a box or mask of its labels: the maps (%s) are trained from the labels of the "
                "images alone",
                ", ".join(network.map_names),
            )
            return
        findings.prepare(items)
        self.settings, self.findings = weights, findings
        network.trains_maps = True
        if network.patch_head is None:
            return
        if network.located_labels is not None:
            located = {*network.located_labels, *findings.annotated}
            network.located_labels = [label for label in labels if label in located]
        if network.patch_head.is_new:
            shares = findings.mean_shares(network.patch_grid)
            network.patch_head.start_at({list(labels).index(label): share for label, share in shares.items()})

    def loss(self, image_loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        """Loss of the network's outputs in training mode and the targets of :meth:`prepare_batch`."""
        return MapLoss(image_loss, **self.settings) if self.settings else image_loss

    def prepare_batch(self, prepare: Callable[..., Any]) -> Callable[..., Any]:
        """Batch preparation of the engine that adds the findings (B, C, S, S) to the labels.

        Args:
            prepare: preparation of images and labels.
        """
        if self.findings is None:
            return prepare

        def with_findings(batch: dict[str, Any], device: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
            image, label, *others = prepare(batch, device, non_blocking, **kwargs)
            coded = batch["findings"].to(device, non_blocking=non_blocking)
            return image, (label, decode_findings(coded, self.num_labels)), *others

        return with_findings
