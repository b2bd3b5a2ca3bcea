"""Creates explanation methods by name, and optionally cleans their maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from ..common.choices import check_choice
from ..networks.ensemble import Ensemble, Network
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT
from .artifacts import artifact_tokens, fill_from_neighbours
from .body import body_patches
from .grad_attention import GradAttention
from .grad_cam import GradCAM
from .label_token_attention import LabelTokens
from .last_layer import LastCLS
from .mean_attention import MeanAttention
from .occlusion import Occlusion
from .output import Attention, AttentionOutput
from .patch_logits import PatchLogits
from .recording import recording
from .rollout import Rollout

METHODS: dict[str, Callable[..., Attention]] = {
    method.name: method for method in (LastCLS, Rollout, GradAttention, LabelTokens, PatchLogits, GradCAM, Occlusion)
}


def default_method(network: Network) -> str:
    """Method that chooses regions unless another is set: ``patch_logits`` with a patch head, else ``last_cls``.

    For a zoom network, its guide decides. The members of an ensemble are alike.
    """
    if isinstance(network, Ensemble):
        return default_method(network.members[0])
    explained = network.guide if isinstance(network, ZoomViT) else network
    return PatchLogits.name if explained.patch_head is not None else LastCLS.name


def make_attention(
    method: str,
    network: Network,
    *,
    suppress_artifacts: bool = False,
    mask_body: bool = False,
    layer: int | None = None,
    window: int = 4,
    stride: int = 2,
) -> Attention:
    """Create an explanation method for a network.

    Args:
        method: ``last_cls`` (the paper's) and ``rollout`` give one map for all labels; ``grad_attention``,
            ``label_tokens``, ``patch_logits``, ``grad_cam`` and ``occlusion`` give one map per label.
        network: classifier in evaluation mode. For a zoom network, its guide is explained; for an ensemble, the maps
            are means over its members.
        suppress_artifacts: replace patches with an outlying token norm by the median of their neighbours, at the cost
            of one more forward pass.
        mask_body: set the map to zero outside the body.
        layer: layer whose CLS attention is the map, from 1, for ``last_cls`` only; ``None`` for the last one.
        window: side of the occluding window in patches, for ``occlusion`` only.
        stride: step of the occluding window in patches, for ``occlusion`` only.

    Raises:
        ValueError: if the method is unknown, the network does not support it, or a layer is set for another method.
    """
    if isinstance(network, Ensemble):
        options: dict[str, Any] = {"suppress_artifacts": suppress_artifacts, "mask_body": mask_body, "layer": layer}
        options |= {"window": window, "stride": stride}
        return MeanAttention(network, [make_attention(method, member, **options) for member in network.members])
    if isinstance(network, ZoomViT):
        network = network.guide
    check_choice("attention_method", method, METHODS)
    if layer is not None and method != LastCLS.name:
        raise ValueError(
            f"attention_layer: only the method {LastCLS.name} has a map of each layer; expected null for {method}, "
            f"found {layer}; leave it out, or set --attention_method {LastCLS.name}"
        )
    settings: dict[str, Any] = {"window": window, "stride": stride} if method == Occlusion.name else {}
    if layer is not None:
        settings = {"layer": layer}
    attention = METHODS[method](network, **settings)
    if not (suppress_artifacts or mask_body):
        return attention
    return CleanedAttention(attention, network, suppress_artifacts=suppress_artifacts, mask_body=mask_body)


class CleanedAttention:
    """Explanation method that cleans the maps of another method.

    Args:
        attention: method that makes the maps.
        network: network that ``attention`` explains.
        suppress_artifacts: replace artifact patches, see :mod:`.artifacts`.
        mask_body: set the map to zero outside the body, see :mod:`.body`.
    """

    def __init__(
        self, attention: Attention, network: ViTMultilabel, *, suppress_artifacts: bool, mask_body: bool
    ) -> None:
        self.attention, self.network = attention, network
        self.suppress_artifacts, self.mask_body = suppress_artifacts, mask_body
        cleaning = {"artifacts": suppress_artifacts, "air": mask_body}
        self.name = " - ".join([attention.name, *(what for what, wanted in cleaning.items() if wanted)])
        self.per_label = attention.per_label

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w) or (B, C, h, w)."""
        output = self.attention(image)
        maps = output.maps if self.per_label else output.maps[:, None]  # (B, C or 1, h, w)
        if self.suppress_artifacts:
            maps = fill_from_neighbours(maps, self.artifacts(image))
        if self.mask_body:
            maps = maps * body_patches(image, self.network.patch_grid)[:, None]
        return replace(output, maps=maps if self.per_label else maps[:, 0])

    @torch.inference_mode()
    def artifacts(self, image: torch.Tensor) -> torch.Tensor:
        """Return the artifact patches of a batch, (B, h, w) bool."""
        rows, columns = self.network.patch_grid
        with recording(self.network) as record:
            self.network(image)
        record.check()
        return artifact_tokens(record.leaving[:, -rows * columns :]).unflatten(-1, (rows, columns))
