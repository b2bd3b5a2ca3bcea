"""Saves and loads model folders.

A model folder contains ``config.json`` (architecture of the backbone), ``model*.safetensors`` (weights) and
``metadata.json`` (labels, preprocessing and provenance). Training writes it; inference, enhancement and evaluation read
it. The labels are saved with the weights, and loading them for other labels is an error.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..common.atomic import aside, make_folder, replace, replace_folder
from ..common.weight_files import find_weight_files
from .model_metadata import labels_of, read_model_metadata
from .pretrained import MODEL_WEIGHTS, check_state, only_known_fields, read_config, read_state
from .vit_multilabel import ViTMultilabel
from .zoom import ZoomViT

# Arguments of the network that its weights depend on. Model folders of version 0.1 have only the first two.
_STRUCTURE = ("image_size", "pool", "label_blocks", "conv_branch")
_DTYPES = {"float32": torch.float32, "float16": torch.float16}


def save_vit_multilabel(
    network: ViTMultilabel,
    folder: str | Path,
    *,
    labels: Sequence[str],
    provenance: Mapping[str, Any],
    dtype: str = "float32",
    max_shard_mb: int = 1000,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write a model folder. An earlier folder of the same name is replaced as a whole.

    Args:
        network: network to save.
        folder: path of the model folder.
        labels: names of the C outputs.
        provenance: origin of the weights (settings, hash of the data, …), as JSON values.
        dtype: data type of the saved weights: ``float32``, or ``float16`` for distribution.
        max_shard_mb: largest size of a weight file in MB; larger weights are split into several files.
        files: contents of additional files, by name.

    Raises:
        ValueError: the number of labels is not the number of outputs.
    """
    from huggingface_hub import save_torch_state_dict

    if len(labels) != network.num_labels:
        raise ValueError(
            f"labels: do not match the network; expected {network.num_labels}, found {len(labels)}: {list(labels)}"
        )

    folder = Path(folder)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    make_folder(fresh)
    state = {name: value.detach().to(_DTYPES[dtype]) for name, value in network.named_parameters()}
    state |= dict(network.named_buffers())  # mean and standard deviation keep their precision
    save_torch_state_dict(state, fresh, max_shard_size=f"{max_shard_mb}MB")
    (fresh / "config.json").write_text(json.dumps(_backbone_settings(network), indent=2), encoding="utf-8")
    (fresh / "metadata.json").write_text(
        json.dumps(_model_metadata(network, labels, provenance), indent=2, default=str), encoding="utf-8"
    )
    for name, content in (files or {}).items():
        (fresh / name).write_bytes(content)
    replace_folder(fresh, folder)


def load_vit_multilabel(folder: str | Path, labels: Sequence[str] | None = None) -> ViTMultilabel:
    """Load the network of a model folder, in evaluation mode.

    Args:
        folder: folder that :func:`save_vit_multilabel` wrote.
        labels: labels of the data, in order; ``None`` accepts any labels.

    Raises:
        FileNotFoundError: the folder is not a model folder.
        ValueError: the labels differ, a setting is out of range, or the weights do not fit the architecture.
    """
    folder = Path(folder)
    _restore(folder)
    metadata = read_model_metadata(folder)
    own = labels_of(metadata)
    if labels is not None and list(labels) != own:
        raise ValueError(
            f"{folder}: labels do not match the data; expected {list(labels)}, found {own}; "
            "use the model that was trained on this datalist, or a datalist with the model's labels"
        )
    preprocessing = metadata["preprocessing"]
    network = ViTMultilabel(
        architecture=only_known_fields(read_config(folder)),
        num_labels=len(own),
        labels=own,
        **{key: preprocessing[key] for key in (*_STRUCTURE, "patch_head") if key in preprocessing},
    )
    if "zoom" in preprocessing:
        network = ZoomViT(network, preprocessing["zoom"])
    state = read_state(folder)
    check_state(folder, state, network.state_dict())
    network.load_state_dict(state, strict=True)
    return network.eval()


def _restore(folder: Path) -> None:
    """Move back the earlier model, if :func:`save_vit_multilabel` was killed after it had moved it aside."""
    old = aside(folder)
    if old.exists() and not folder.exists():
        replace(old, folder)


def _backbone_settings(network: ViTMultilabel) -> dict[str, Any]:
    """Configuration of the backbone, without the software version and path that transformers adds."""
    settings = network.backbone.config.to_diff_dict()
    return {key: value for key, value in settings.items() if key not in {"transformers_version", "_name_or_path"}}


def _model_metadata(network: ViTMultilabel, labels: Sequence[str], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Content of ``metadata.json``, in MONAI's format: input, output with its labels, preprocessing, provenance."""
    size = network.image_size
    image = {"type": "image", "format": "magnitude", "modality": "X-ray", "num_channels": 1}
    image |= {"spatial_shape": [size, size], "dtype": "float32", "value_range": [0, 1]}
    pred = {"type": "logits", "format": "classes", "num_channels": len(labels), "spatial_shape": []}
    pred |= {"dtype": "float32", "value_range": []}
    return {
        "network_data_format": {
            "inputs": {"image": {**image, "is_patch_data": False, "channel_def": {"0": "radiograph"}}},
            "outputs": {"pred": {**pred, "is_patch_data": False, "channel_def": dict(enumerate(labels))}},
        },
        "preprocessing": {
            **{key: getattr(network, key) for key in _STRUCTURE},
            **({"patch_head": True} if network.patch_head is not None else {}),
            **({"zoom": network.settings} if isinstance(network, ZoomViT) else {}),
            "mean": network.mean.flatten().tolist(),
            "std": network.std.flatten().tolist(),
        },
        "provenance": dict(provenance),
    }


def weights_sha256(folder: str | Path) -> str:
    """SHA-256 over the weight files of a model folder, in the order of their names."""
    digest = hashlib.sha256()
    for path in find_weight_files(Path(folder), MODEL_WEIGHTS):
        digest.update(path.read_bytes())
    return digest.hexdigest()
