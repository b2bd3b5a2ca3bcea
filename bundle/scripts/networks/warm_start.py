"""A model folder of ours as the start of a training: what it has beyond its backbone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from .model_metadata import labels_of, read_model_metadata
from .pretrained import local_folder, read_state

logger = logging.getLogger(__name__)


class Continuable(Protocol):
    """What a network must have to be continued: see :class:`.vit_multilabel.ViTMultilabel`, which is one."""

    labels: list[str] | None
    pool: str
    label_blocks: int
    conv_branch: bool

    def state_dict(self) -> dict[str, torch.Tensor]:
        """As of ``torch.nn.Module``."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """As of ``torch.nn.Module``."""
        ...


_PER_LABEL: tuple[str, ...] = ("head.weight", "head.bias", "label_tokens")


def continue_from(network: Continuable, source: str | Path) -> None:
    """Take over convolution branches and, if the labels and the pool are the same, the head and its label tokens.

    Args:
        network: with the backbone of ``source``; changed in place.
        source: model folder of ours; any other checkpoint has nothing beyond its backbone.

    Raises:
        ValueError: the folder has convolution branches and the network has not.
    """
    folder = local_folder(source)
    if not (folder / "metadata.json").is_file():
        return
    metadata = read_model_metadata(folder)
    state = read_state(folder)
    branches = {key: value for key, value in state.items() if key.startswith("conv_branches.")}
    if branches and not network.conv_branch:
        raise ValueError(
            f"{folder}: the weights have convolution branches, which the network lacks; expected conv_branch true, "
            "found false; set --conv_branch True"
        )
    own = network.state_dict().keys()
    if branches:
        _load_some(network, branches, {key for key in own if key.startswith("conv_branches.")}, folder)
    labels = labels_of(metadata)
    if why := _refusal(network, metadata["preprocessing"], labels):
        logger.info("%s: the head starts anew: %s", folder, why)
        return
    order = [labels.index(label) for label in network.labels or ()]
    heads = {key: state[key][order] for key in _PER_LABEL if key in state}
    _load_some(network, heads, {key for key in _PER_LABEL if key in own}, folder)
    logger.info("%s: continued with its head", folder)


def _load_some(network: Continuable, tensors: Mapping[str, torch.Tensor], names: set[str], folder: Path) -> None:
    """Load the tensors of these names, all of them, and leave the others of the network as they are.

    Raises:
        ValueError: one is missing, or the network has no place for one.
    """
    missing, unexpected = names - tensors.keys(), tensors.keys() - names
    if missing or unexpected:
        raise ValueError(
            f"{folder}: weights without a place in the network, or a place without weights; expected none, found "
            f"{', '.join(sorted(missing | unexpected))}; build the network as the folder's was"
        )
    network.load_state_dict(tensors, strict=False)


def _refusal(network: Continuable, own: Mapping[str, Any], labels: list[str]) -> str | None:
    """Why the head of a folder with these settings and labels does not fit; ``None`` if it does."""
    if sorted(labels) != sorted(network.labels or ()):
        return "other labels"
    if own["pool"] != network.pool:
        return f"pool is {network.pool}, not {own['pool']}"
    if network.pool == "label_tokens" and own["label_blocks"] != network.label_blocks:
        return f"label_blocks is {network.label_blocks}, not {own['label_blocks']}"
    return None
