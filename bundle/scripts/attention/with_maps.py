"""Network with the maps of its own forward pass, as one module that can be compiled, traced and exported."""

from __future__ import annotations

import torch
from torch import nn

from ..common.choices import check_choice
from ..networks.vit_multilabel import ViTMultilabel
from .last_layer import LastCLS, WithAttention


class WithMaps(nn.Module):
    """Network that returns its maps beside its logits; both come from one forward pass.

    For the CLS attention, which a network does not compute by itself, see :class:`.last_layer.WithAttention`.

    Args:
        network: classifier in evaluation mode.
        method: ``label_tokens`` for a network with that pool, or ``patch_logits`` for one with a patch head.

    Raises:
        ValueError: there is no such method.
    """

    def __init__(self, network: ViTMultilabel, method: str) -> None:
        super().__init__()
        check_choice("attention_method", method, ("label_tokens", "patch_logits"))
        self.network, self.method = network, method

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w), each with a sum of one."""
        if self.method == "label_tokens":
            return self.network.label_maps(image)
        logits, patch_logits = self.network.patch_logits(image)
        return logits, patch_logits.flatten(2).softmax(dim=2).unflatten(2, self.network.patch_grid)


def module_with_maps(network: ViTMultilabel, method: str) -> WithAttention | WithMaps:
    """Module that returns logits and maps, for the methods that need one forward pass and no gradients.

    The hooks of ``last_cls`` stay on the network until :meth:`.last_layer.WithAttention.remove_hooks` is called.

    Args:
        network: classifier in evaluation mode.
        method: ``last_cls``, ``label_tokens`` or ``patch_logits``.

    Raises:
        ValueError: there is no such method.
    """
    return WithAttention(network) if method == LastCLS.name else WithMaps(network, method)
