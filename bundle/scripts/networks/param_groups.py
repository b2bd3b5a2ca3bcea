"""Learning rates by layer: frozen first blocks, and layer-wise decay (arXiv:2003.10555, arXiv:2106.08254)."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

_PATCH_HEAD_FACTOR = 10  # its weights start at random, and few images have boxes
_LAYER = re.compile(r"^(?:backbone\.(?:encoder\.layer|layers)|conv_branches)\.(\d+)\.")


def freeze_blocks(network: nn.Module, count: int) -> None:
    """Freeze the embeddings and the first blocks, so that training needs no gradients of them or below them.

    Args:
        network: :class:`.vit_multilabel.ViTMultilabel`; its parameters are changed in place.
        count: number of blocks; 0 freezes nothing.

    Raises:
        ValueError: the network has fewer blocks.
    """
    depth = _depth(network)
    if count > depth:
        raise ValueError(f"frozen_blocks: expected at most the {depth} blocks of the network, found {count}; lower it")
    for name, parameter in network.named_parameters():
        if count and _level_of(name, depth) <= count:
            parameter.requires_grad_(False)


def layer_wise_param_groups(
    network: nn.Module, lr: float, weight_decay: float = 0.05, layer_decay: float = 0.75
) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer, with the learning rate ``lr * layer_decay ** n`` for a layer with n above it.

    Biases, norms, scales, positions, CLS and label tokens have no weight decay. A convolution belongs to the layer of
    the block after it, and label tokens belong to the layer of the head. The patch head learns ten times as fast as the
    head.

    Args:
        network: :class:`.vit_multilabel.ViTMultilabel`.
        lr: learning rate of the head and the final norm.
        weight_decay: weight decay of matrices.
        layer_decay: factor of the learning rate from a layer to the one below it, in (0, 1].

    Returns:
        Groups with ``params``, ``lr`` and ``weight_decay``, from the embeddings to the head.
    """
    depth = _depth(network)
    groups: dict[tuple[int, int, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        level = _level_of(name, depth)
        decayed = parameter.ndim > 1 and "position" not in name and "_token" not in name
        factor = _PATCH_HEAD_FACTOR if name.startswith("patch_head.") else 1
        rate = factor * lr * layer_decay ** (depth + 1 - level)
        group = {"params": [], "lr": rate, "weight_decay": weight_decay if decayed else 0.0}
        groups.setdefault((level, factor, decayed), group)["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def _depth(network: nn.Module) -> int:
    """Number of blocks of the backbone."""
    return int(network.backbone.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]


def _level_of(name: str, depth: int) -> int:
    """Layer of a parameter: 0 for embeddings, i + 1 for block i, depth + 1 for the final norm and the head."""
    match = _LAYER.match(name)
    if match:
        return int(match[1]) + 1
    return 0 if name.startswith("backbone.embeddings.") else depth + 1
