"""Attention of label tokens to the patches, for a network that has them (LT-ViT, arXiv:2311.07263)."""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput
from .with_maps import WithMaps


class LabelTokens:
    """Attention maps that the network computes in its forward pass, one per label.

    Args:
        network: classifier in evaluation mode, with ``pool`` ``label_tokens``.

    Raises:
        ValueError: the network has no label tokens.
    """

    name, per_label = "label_tokens", True

    def __init__(self, network: ViTMultilabel) -> None:
        if network.pool != "label_tokens":
            raise ValueError(
                f"attention_method: label_tokens needs a network with label tokens; expected pool label_tokens, found "
                f"{network.pool}; set attention_method to grad_attention, or train with --pool label_tokens"
            )
        self.with_maps = WithMaps(network, self.name)

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w)."""
        return AttentionOutput(*self.with_maps(image))
