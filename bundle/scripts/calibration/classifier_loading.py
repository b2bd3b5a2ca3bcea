"""Loads the classifier of a model: one network, or several, or several views of each image, that predict as one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..networks.ensemble import Ensemble, Network
from ..networks.loading import load_vit_multilabel
from ..networks.model_members import find_model, member_folders
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT
from .calibration_file import Calibration, load_calibration

logger = logging.getLogger(__name__)

# What the members of an ensemble have in common, with the name of each for a message.
_SHARED = {"labels": "labels", "image_size": "image_size", "pool": "pool", "patch_grid": "grid of patches"}


def load_classifier(
    source: str | Path | Sequence[str | Path],
    labels: Sequence[str] | None = None,
    *,
    shift: float = 0.0,
    scale: float = 0.0,
) -> Network:
    """Load a classifier, in evaluation mode.

    Args:
        source: model folder, hub id, output folder of ``run training --folds`` or ``--seeds``, or a list of model
            folders and hub ids. Several networks predict with the mean of their probabilities, which are calibrated
            where the networks are.
        labels: labels of the data, in order; ``None`` accepts any labels.
        shift: share of the image size by which each image is also read shifted to either side; 0: it is not.
        scale: share of the image size by which each image is also read reduced and enlarged; 0: it is not.

    Returns:
        The network itself if there is one, with one view of each image; otherwise an ensemble.

    Raises:
        FileNotFoundError: a folder is not a model folder, or a training is not finished.
        ValueError: members differ in labels, image size, pool or maps, only some of them are calibrated, or a network
            reads crops and would not be alone.
    """
    folders = member_folders(find_model(source))
    networks = [load_vit_multilabel(folder, labels) for folder in folders]
    if len(networks) == 1 and not shift and not scale:
        return networks[0]
    _check_members(folders, networks)
    passes = len(networks) * (1 + 2 * bool(shift) + 2 * bool(scale))
    logger.info("each film is read %d times (%d networks), which takes as many times as long", passes, len(networks))
    rules = _member_calibrations(folders) if len(networks) > 1 else None
    scales, offsets = (
        None
        if rules is None
        else torch.tensor([[getattr(label, name) for label in rule.by_label.values()] for rule in rules])
        for name in ("scale", "offset")
    )
    return Ensemble(networks, scales, offsets, shift=shift, scale=scale).eval()


def calibration_of(source: str | Path | Sequence[str | Path], network: Network) -> Calibration | None:
    """Calibration of a loaded model, with a warning if it was learned from other views of the images.

    Args:
        source: folder or folders that the network was loaded from.
        network: result of :func:`load_classifier`.

    Raises:
        ValueError: see :func:`.calibration_file.load_calibration`.
    """
    calibration = load_calibration(source, network.labels or [])
    if calibration is not None and calibration.details.get("views", views_of(None)) != views_of(network):
        logger.warning(
            "%s: calibrated with other test-time views than it is used with, so the probabilities are a little off; "
            "run calibrating with the same test_time_shift and test_time_scale",
            source,
        )
    return calibration


def views_of(network: Network | None) -> dict[str, float]:
    """Settings of the views of a network, for ``thresholds.json``."""
    return {name: getattr(network, name) if isinstance(network, Ensemble) else 0.0 for name in ("shift", "scale")}


def _check_members(folders: Sequence[Path], networks: Sequence[ViTMultilabel]) -> None:
    """Reject networks whose predictions cannot be averaged; the message names the folder."""
    for folder, network in zip(folders, networks, strict=True):
        if isinstance(network, ZoomViT):
            raise ValueError(
                f"{folder}: the network reads crops; expected networks that do not, for predictions that are averaged "
                "over networks or views, found a ZoomViT; use it alone"
            )
        for name, word in _SHARED.items():
            _check_same(folder, word, getattr(networks[0], name), getattr(network, name))
        heads = [one.patch_head is not None for one in (networks[0], network)]
        _check_same(folder, "patch_head", *heads)


def _check_same(folder: Path, what: str, expected: Any, found: Any) -> None:
    if found != expected:
        raise ValueError(
            f"{folder}: {what}: expected {expected} as in the first model, found {found}; only networks of the same "
            "kind are averaged: leave it out, or train it alike"
        )


def _member_calibrations(folders: Sequence[Path]) -> list[Calibration] | None:
    """Calibration of each member; ``None`` if none is calibrated.

    Raises:
        ValueError: some are calibrated and others are not.
    """
    found = [load_calibration(folder) for folder in folders]
    rules = [one for one in found if one is not None]
    if rules and len(rules) < len(found):
        without = folders[found.index(None)]
        raise ValueError(
            f"{without}: not calibrated; expected a thresholds.json as in {len(rules)} of the {len(found)} models, "
            "found none: their probabilities have no common scale; calibrate all of them, or none"
        )
    return rules or None
