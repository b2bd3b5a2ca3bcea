"""Settings of the trainings of an experiment: those that may be set, and the backbone that a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ...common.choices import check_keys
from ...workflow import CONFIG_DIR

_OURS = ("dataset_dir", "datalist_file", "output_dir", "cache_dir", "image_size", "seed", "tracking_uri")


def default_training() -> dict[str, Any]:
    """Content of ``configs/train.yaml``."""
    return dict(yaml.safe_load((CONFIG_DIR / "train.yaml").read_text(encoding="utf-8")))


def check_training(where: str, training: Mapping[str, Any]) -> None:
    """Check the names of settings of ``configs/train.yaml``.

    Raises:
        ValueError: a setting does not exist, or the experiment sets it itself.
    """
    check_keys(where, {key.partition("::")[0]: value for key, value in training.items()}, default_training())
    clash = sorted(set(training) & set(_OURS))
    if clash:
        raise ValueError(f"{where}: the experiment sets these itself; expected others, found {clash}; remove them")


def backbone_of(*settings: Mapping[str, Any]) -> Any:
    """Backbone of a training; ``None`` if it starts from random weights.

    Args:
        settings: settings of ``configs/train.yaml``; later ones replace earlier ones.
    """
    merged = {"backbone": default_training()["backbone"]}
    for some in settings:
        merged |= some
    return merged["backbone"]
