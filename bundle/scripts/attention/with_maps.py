"""Network with the maps of its own forward pass, as one module that can be compiled, traced and exported."""

from __future__ import annotations

import torch
from torch import nn

from ..common.choices import check_choice
from ..networks.vit_multilabel import ViTMultilabel
from .last_layer import LastCLS, WithAttention

# Standard deviation of the smoothing of the shares of a patch head, as a share of the side of the image: one patch of
# 14 pixels at 336. The highest of all patch logits alone is noisy: on boxed validation films the peak lay in the box in
# 0.59 of the findings with this smoothing, and in 0.50 without.
_SMOOTHING = 1 / 24


class WithMaps(nn.Module):
    """Network that returns its maps beside its logits; both come from one forward pass.

    For the CLS attention, which a network does not compute by itself, see :class:`.last_layer.WithAttention`.

    Args:
        network: classifier in evaluation mode.
        method: ``label_tokens`` for a network with that pool, or ``patch_logits`` for one with a patch head.

    Raises:
        ValueError: there is no such method.
    """

    rows: torch.Tensor
    columns: torch.Tensor

    def __init__(self, network: ViTMultilabel, method: str) -> None:
        super().__init__()
        check_choice("attention_method", method, ("label_tokens", "patch_logits"))
        self.network, self.method = network, method
        if method == "patch_logits":
            rows, columns = (spread(side).to(network.mean.device) for side in network.patch_grid)
            self.register_buffer("rows", rows, persistent=False)
            self.register_buffer("columns", columns, persistent=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w), each with a sum of one."""
        if self.method == "label_tokens":
            return self.network.label_maps(image)
        logits, patch_logits = self.network.patch_logits(image)
        return logits, smoothed_shares(patch_logits, self.rows, self.columns)


def smoothed_shares(patch_logits: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Share of each patch in the map of its label, smoothed.

    Args:
        patch_logits: (B, C, h, w).
        rows: matrix (h, h) of :func:`spread`.
        columns: matrix (w, w) of :func:`spread`.

    Returns:
        Maps (B, C, h, w), each with a sum of one.
    """
    flat = patch_logits.flatten(2)
    shares = flat.softmax(dim=2).unflatten(2, patch_logits.shape[2:])
    # Sums of products in place of matrix products, which autocast would compute in bf16.
    smoothed = (rows[:, :, None] * shares[:, :, None]).sum(dim=-2)
    smoothed = (columns * smoothed[..., None, :]).sum(dim=-1)
    # At the border the shares are spread over fewer patches, which would give a constant map peaks near the corners.
    constant = flat.amax(dim=2) == flat.amin(dim=2)
    return torch.where(constant[:, :, None, None], shares, smoothed)


def spread(side: int) -> torch.Tensor:
    """Matrix (side, side) that spreads the share of each patch over its neighbours; its columns have a sum of one."""
    place = torch.arange(side, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((place[:, None] - place) / (_SMOOTHING * side)) ** 2)
    return weights / weights.sum(dim=0)


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
