"""Warm start from a model folder of this package: loads its convolution branches and its head."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from .model_metadata import labels_of, read_model_metadata
from .pretrained import local_folder, read_state

logger = logging.getLogger(__name__)


class WarmStartable(Protocol):
    """Attributes and methods of a network that a warm start needs; :class:`.vit_multilabel.ViTMultilabel` has them."""

    labels: list[str] | None
    pool: str
    label_blocks: int
    conv_branch: bool
    patch_head: Any
    located_labels: list[str] | None

    def state_dict(self) -> dict[str, torch.Tensor]:
        """See ``torch.nn.Module``."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """See ``torch.nn.Module``."""
        ...


_PER_LABEL: tuple[str, ...] = ("head.weight", "head.bias", "label_tokens")
_PATCH_HEAD = "patch_head."
_SHARED_BY_LABELS = "patch_head.hidden."
_HIDDEN, _POSITION = "patch_head.hidden.weight", "patch_head.position"


def warm_start_from(network: WarmStartable, source: str | Path) -> None:
    """Load the convolution branches of a model folder and, if labels and pool are the same, its heads and label tokens.

    Args:
        network: network with the backbone of ``source``; changed in place.
        source: folder or hub id; a checkpoint that is not a model folder of this package has nothing to load.

    Raises:
        ValueError: the folder has convolution branches and the network has none.
    """
    folder = local_folder(source)
    if not (folder / "metadata.json").is_file():
        return
    metadata = read_model_metadata(folder)
    state = read_state(folder)
    branches = {key: value for key, value in state.items() if key.startswith("conv_branches.")}
    if branches and not network.conv_branch:
        raise ValueError(
            f"{folder}: the weights have convolution branches and the network has none; expected conv_branch true, "
            "found false; set --conv_branch True"
        )
    own = network.state_dict().keys()
    if branches:
        _load_some(network, branches, {key for key in own if key.startswith("conv_branches.")}, folder)
    labels = labels_of(metadata)
    if why := _mismatch(network, metadata["preprocessing"], labels):
        logger.info("%s: the head is new, because of %s", folder, why)
        return
    order = [labels.index(label) for label in network.labels or ()]
    heads = {key: _reordered(state[key], order, key, folder) for key in _PER_LABEL if key in state}
    _load_some(network, heads, {key for key in _PER_LABEL if key in own}, folder)
    logger.info("%s: its head is loaded", folder)
    if not metadata["preprocessing"].get("patch_head"):
        return
    parts = {key: value for key, value in state.items() if key.startswith(_PATCH_HEAD)}
    if network.patch_head is None:
        logger.info("%s: its patch head, which is part of its logits, is left out; --patch_head true keeps it", folder)
    elif _HIDDEN in parts and parts[_HIDDEN].shape[1:] != network.patch_head.hidden.weight.shape[1:]:
        logger.info("%s: its patch head, which is part of its logits, reads other blocks: a new one starts", folder)
    else:
        parts = {
            key: value if key.startswith(_SHARED_BY_LABELS) else _reordered(value, order, key, folder)
            for key, value in parts.items()
        }
        if _POSITION in parts:
            parts[_POSITION] = _resampled(parts[_POSITION], network.patch_head.grid)
        _load_some(network, parts, {key for key in own if key.startswith(_PATCH_HEAD)}, folder)
        network.located_labels = metadata["preprocessing"].get("located_labels")
        logger.info("%s: its patch head is loaded", folder)


def _reordered(tensor: torch.Tensor, order: list[int], name: str, folder: Path) -> torch.Tensor:
    """Rows of a tensor that has one for each label, in the order of the network.

    Raises:
        ValueError: the tensor has another number of rows.
    """
    if len(tensor) != len(order):
        raise ValueError(
            f"{folder}: weights do not fit the labels; expected {len(order)} rows of {name}, found {len(tensor)}; "
            "use a folder that the training workflow wrote"
        )
    return tensor[order]


def _resampled(position: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Position biases (C, h, w) of a patch head, resampled to another grid of patches."""
    if tuple(position.shape[1:]) == grid:
        return position
    return F.interpolate(position[None].float(), size=grid, mode="bilinear", align_corners=False)[0]


def _load_some(network: WarmStartable, tensors: Mapping[str, torch.Tensor], names: set[str], folder: Path) -> None:
    """Load tensors, which must be exactly those of ``names``; the other tensors of the network are not changed.

    Raises:
        ValueError: a tensor is missing, unexpected or of another size.
    """
    missing, unexpected = names - tensors.keys(), tensors.keys() - names
    if missing or unexpected:
        raise ValueError(
            f"{folder}: weights do not fit the network; expected no missing or unexpected tensor, found "
            f"{', '.join(sorted(missing | unexpected))}; use the settings of the model in the folder"
        )
    own = network.state_dict()
    if resized := sorted(name for name in names if own[name].shape != tensors[name].shape):
        raise ValueError(
            f"{folder}: weights do not fit the network; expected tensors of its sizes, found another size of "
            f"{', '.join(resized)}; use the settings of the model in the folder"
        )
    network.load_state_dict(tensors, strict=False)


def _mismatch(network: WarmStartable, own: Mapping[str, Any], labels: list[str]) -> str | None:
    """Reason why the head of a model folder does not fit the network; ``None`` if it fits."""
    if sorted(labels) != sorted(network.labels or ()):
        return "other labels"
    if own["pool"] != network.pool:
        return f"pool {network.pool} instead of {own['pool']}"
    if network.pool == "label_tokens" and own["label_blocks"] != network.label_blocks:
        return f"label_blocks {network.label_blocks} instead of {own['label_blocks']}"
    return None
