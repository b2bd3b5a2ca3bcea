"""Reads ``metadata.json`` of a model folder and checks every value that a network is built from.

A model folder may come from an untrusted source. A wrong value must give an error that names it. It must never be
evaluated as an expression, exhaust the memory, or give another network without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..common.printable import check_labels, quoted
from ..common.text_file import read_json
from .head import POOLS

_MAX_LABELS = 10_000
_REMEDY = "use a folder that the training workflow wrote"


def _whole(low: int, high: int) -> tuple[str, Callable[[Any], bool]]:
    return f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high


def _one_of(*names: str) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(names)}", lambda value: value in names


def _is_channels(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= 4
        and all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in value)
    )


_FLAG = ("true or false", lambda value: isinstance(value, bool))
_CHANNELS = ("a list of 1 to 4 numbers", _is_channels)
_PREPROCESSING = {
    "image_size": _whole(8, 4096),
    "pool": _one_of(*POOLS),
    "label_blocks": _whole(1, 1000),
    "conv_branch": _FLAG,
    "patch_head": _FLAG,
    "mean": _CHANNELS,
    "std": _CHANNELS,
}
_TEXT = ("a name", lambda value: isinstance(value, str))
_ZOOM = {
    "count": _whole(1, 256),
    "window": _whole(1, 4096),
    "crop_size": _whole(1, 4096),
    "selector": _TEXT,
    "attention": _TEXT,
    "seed": _whole(0, 2**63),
}


def read_model_metadata(folder: str | Path) -> dict[str, Any]:
    """Read ``metadata.json`` of a model folder.

    Args:
        folder: model folder that training wrote.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not JSON, lacks the labels or the preprocessing, or has a value of a wrong type or size.
    """
    path = Path(folder) / "metadata.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no model; expected a folder with metadata.json, config.json and model.safetensors, found none; "
            "run the training workflow, or set --model_dir to a folder that it wrote"
        )
    expected = "JSON with the labels (network_data_format) and the preprocessing"
    metadata = read_json(path, expected, _REMEDY)
    try:
        labels, preprocessing = labels_of(metadata), metadata["preprocessing"]
        zoom = preprocessing.get("zoom", {})
        zoom.get("count")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: not the metadata of a model; expected {expected}, found {type(error).__name__}; {_REMEDY}"
        ) from error
    _check_labels(path, labels)
    _check(path, "preprocessing", preprocessing, _PREPROCESSING)
    _check(path, "preprocessing.zoom", zoom, _ZOOM)
    _check_located(path, preprocessing, labels)
    return metadata


def labels_of(metadata: Mapping[str, Any]) -> list[str]:
    """Labels of a model folder, in the order of its outputs."""
    return list(metadata["network_data_format"]["outputs"]["pred"]["channel_def"].values())


def _check_labels(path: Path, labels: list[Any]) -> None:
    check_labels(labels, str(path))
    if not 1 <= len(set(labels)) == len(labels) <= _MAX_LABELS:
        raise ValueError(
            f"{path}: labels: expected 1 to {_MAX_LABELS} different names, found {len(labels)}, of them "
            f"{len(set(labels))} different; {_REMEDY}"
        )


def _check_located(path: Path, preprocessing: Mapping[str, Any], labels: list[str]) -> None:
    located = preprocessing.get("located_labels", [])
    names = isinstance(located, list) and len(located) <= len(labels) and all(isinstance(one, str) for one in located)
    if not names or len(set(located)) < len(located) or not set(labels).issuperset(located):
        raise ValueError(
            f"{path}: preprocessing.located_labels: expected a list of different labels of the model, found "
            f"{quoted(located)}; {_REMEDY}"
        )


def _check(path: Path, where: str, values: Mapping[str, Any], rules: Mapping[str, Any]) -> None:
    for key, (expected, is_right) in rules.items():
        if key in values and not is_right(values[key]):
            raise ValueError(f"{path}: {where}.{key}: expected {expected}, found {quoted(values[key])}; {_REMEDY}")
