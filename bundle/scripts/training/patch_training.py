"""Training of a network with a patch head: its batches and its loss. Other networks train without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..data.finding_masks import FindingMasks, decode_findings
from ..networks.patch_loss import PatchLoss
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT


class PatchTraining:
    """The parts of a training that depend on whether the network has a patch head.

    A zoom network is trained like a network without one: the boxes belong to its base model.

    Args:
        network: classifier.
        labels: labels of the network.
        patch_weight: weight of the patch loss, see :class:`..networks.patch_loss.PatchLoss`.
        mass_weight: weight of the mass loss.
        num_workers: number of threads that read annotated images.
    """

    def __init__(
        self,
        network: ViTMultilabel,
        labels: Sequence[str],
        *,
        patch_weight: float = 1.0,
        mass_weight: float = 1.0,
        num_workers: int = 2,
    ) -> None:
        self.active = network.patch_head is not None and not isinstance(network, ZoomViT)
        self.num_labels, self.patch_weight, self.mass_weight = len(labels), patch_weight, mass_weight
        self.findings = FindingMasks(labels, network.image_size, num_workers) if self.active else None

    @property
    def settings(self) -> dict[str, float] | None:
        """Settings that must not change within a run; ``None`` for a network without a patch head."""
        return {"patch_weight": self.patch_weight, "mass_weight": self.mass_weight} if self.active else None

    def loss(self, image_loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        """Loss of the network's outputs in training mode and the targets of :meth:`prepare_batch`."""
        return PatchLoss(image_loss, self.patch_weight, self.mass_weight) if self.active else image_loss

    def prepare_batch(self, prepare: Callable[..., Any]) -> Callable[..., Any]:
        """Batch preparation of the engine that adds the findings (B, C, S, S) to the labels.

        Args:
            prepare: preparation of images and labels.
        """
        if not self.active:
            return prepare

        def with_findings(batch: dict[str, Any], device: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
            image, label, *others = prepare(batch, device, non_blocking, **kwargs)
            coded = batch["findings"].to(device, non_blocking=non_blocking)
            return image, (label, decode_findings(coded, self.num_labels)), *others

        return with_findings
