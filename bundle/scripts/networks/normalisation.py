"""Mean and standard deviation that pretrained weights expect their input to have been normalised with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .model_metadata import read_model_metadata

_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}  # google/vit-*-in21k; not the ImageNet figures


def normalisation_of(
    folder: Path, settings: Mapping[str, Any], dialect: str, channels: int
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel.

    Args:
        folder: of the checkpoint, or of a model of ours.
        settings: its ``config.json``.
        dialect: of its weights.
        channels: of its network.

    Raises:
        ValueError: nothing tells those of timm's or MONAI's weights, or they are not one per channel.
    """
    values = _stated(folder, settings, dialect)
    if len(values["mean"]) != channels:
        raise ValueError(
            f"{folder}: mean and standard deviation do not fit the network; expected one for each of {channels} "
            f"channels, found {values['mean']}; write them as image_mean and image_std to preprocessor_config.json"
        )
    return list(values["mean"]), list(values["std"])


def _stated(folder: Path, settings: Mapping[str, Any], dialect: str) -> Mapping[str, Any]:
    """``mean`` and ``std``: the checkpoint's own, else those its family was trained with."""
    if (folder / "metadata.json").is_file():  # a model of ours
        return read_model_metadata(folder)["preprocessing"]
    file = folder / "preprocessor_config.json"
    preprocessor = json.loads(file.read_text()) if file.is_file() else {}
    if "image_mean" in preprocessor:
        return {"mean": preprocessor["image_mean"], "std": preprocessor["image_std"]}
    if dialect == "huggingface":
        return _HALF if settings.get("model_type") == "vit" else _IMAGENET
    timm = settings.get("pretrained_cfg", settings)
    if "mean" in timm:
        return timm
    raise ValueError(
        f"{file}: normalisation of the {dialect} weights is not known; expected image_mean and image_std, found "
        'none; write {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}, or as they were trained'
    )
