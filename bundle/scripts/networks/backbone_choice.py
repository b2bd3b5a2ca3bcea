"""Backbone of a network: with pretrained weights, or with random weights from the fields of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.choices import check_keys
from ..common.printable import quoted
from .pretrained import known_fields, load_backbone, make_backbone


def choose_backbone(
    source: str | Path | None, architecture: Mapping[str, Any] | None, image_size: int
) -> tuple[Any, list[float], list[float]]:
    """Load a pretrained backbone, or create one with random weights.

    Args:
        source: folder or hub id of a pretrained model; ``None`` for random weights.
        architecture: fields of a Hugging Face configuration, for random weights; ``None`` for pretrained ones.
        image_size: side of the square input in pixels.

    Returns:
        Backbone in float32; mean and standard deviation of each channel, which are 0.5 for random weights.

    Raises:
        FileNotFoundError: the pretrained model does not exist, or the hub cannot be reached.
        ValueError: both or neither of ``source`` and ``architecture`` are given, a field of the configuration is
            unknown or out of range, or the weights do not fit.
    """
    if source is not None and architecture is None:
        return load_backbone(source, image_size)
    if source is not None or architecture is None:
        raise ValueError(
            "backbone, architecture: expected exactly one of them (pretrained weights, or random ones), "
            f"found {'both' if source is not None else 'neither'}; set exactly one"
        )
    _check_architecture(architecture, image_size)
    backbone = make_backbone(architecture, image_size)
    half = [0.5] * backbone.config.num_channels
    return backbone, half, half


def _check_architecture(architecture: Mapping[str, Any], image_size: int) -> None:
    """Reject an unknown field of a configuration, and an image size other than the network's."""
    check_keys("architecture", architecture, known_fields(architecture) if isinstance(architecture, Mapping) else ())
    if architecture.get("image_size", image_size) != image_size:
        raise ValueError(
            f"architecture: image_size: expected {image_size} as in --image_size, found "
            f"{quoted(architecture['image_size'])}; remove it"
        )
