"""Mean and standard deviation with which the input of pretrained weights is normalised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.printable import quoted
from ..common.text_file import read_json
from .model_metadata import read_model_metadata

_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}  # google/vit-*-in21k does not use the ImageNet values


def normalisation_of(
    folder: Path, settings: Mapping[str, Any], weight_format: str, channels: int
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel.

    Args:
        folder: folder of the checkpoint or model.
        settings: content of its ``config.json``.
        weight_format: format of its weights, from :func:`.weight_formats.format_of`.
        channels: number of input channels of the network.

    Raises:
        ValueError: the values of timm or MONAI weights are not stated, or their number is not the number of channels.
    """
    values = _stated(folder, settings, weight_format)
    mean: Any = values["mean"]
    std: Any = values.get("std")
    if not _is_per_channel(mean, channels) or not _is_per_channel(std, channels) or min(std) <= 0:
        raise ValueError(
            f"{folder}: mean and standard deviation do not fit the network; expected a number for each of {channels} "
            f"channels, found {quoted(mean)} and {quoted(std)}; write them as image_mean and image_std to "
            "preprocessor_config.json"
        )
    return list(mean), list(std)


def _is_per_channel(values: Any, channels: int) -> bool:
    """Whether a value is a list with a number for each channel."""
    return (
        isinstance(values, list | tuple)
        and len(values) == channels
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    )


def _stated(folder: Path, settings: Mapping[str, Any], weight_format: str) -> Mapping[str, Any]:
    """``mean`` and ``std`` as stated with the checkpoint, or else those that its family was trained with."""
    if (folder / "metadata.json").is_file():  # a model folder of this package
        return read_model_metadata(folder)["preprocessing"]
    file = folder / "preprocessor_config.json"
    expected = "an object with image_mean and image_std"
    preprocessor = read_json(file, expected, "copy the checkpoint again") if file.is_file() else {}
    if isinstance(preprocessor, dict) and "image_mean" in preprocessor:
        return {"mean": preprocessor["image_mean"], "std": preprocessor.get("image_std")}
    if weight_format == "huggingface":
        return _HALF if settings.get("model_type") == "vit" else _IMAGENET
    timm = settings.get("pretrained_cfg", settings)
    if "mean" in timm:
        return timm
    raise ValueError(
        f"{file}: normalisation of the {weight_format} weights is not known; expected image_mean and image_std, found "
        'none; write {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}, or the values of their training'
    )
