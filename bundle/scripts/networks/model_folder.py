"""Model folders: ``config.json`` (architecture), ``model*.safetensors`` (weights) and ``metadata.json``.

``metadata.json`` holds the labels, the preprocessing and the provenance. Training writes a model folder; inference,
enhancement and evaluation read it. The labels are saved with the weights, and loading them for other labels is an
error. A model folder may also be a repository of the Hugging Face hub.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import torch

from ..common.atomic import aside, make_folder, replace, replace_folder
from ..common.hub_download import download_model, is_hub_id
from ..common.printable import quoted
from .model_metadata import labels_of, read_model_metadata
from .pretrained import MODEL_WEIGHTS, check_state, only_known_fields, read_config, read_state

# Names of the files of a model folder, which alone are published and downloaded.
MODEL_FILES = (
    "config.json",
    "metadata.json",
    MODEL_WEIGHTS,
    f"{MODEL_WEIGHTS}.index.json",
    "thresholds.json",
    "novelty.safetensors",
    "training_images.safetensors",
)
# Arguments of the network that its weights depend on. Model folders of version 0.1 have only the first two.
STRUCTURE = ("image_size", "pool", "label_blocks", "conv_branch")
_DTYPES = {"float32": torch.float32, "float16": torch.float16}


def find_model_folder(source: str | Path) -> Path:
    """Folder of a model: ``source`` itself, or the snapshot of a hub id in the cache, downloaded if need be.

    Args:
        source: folder that training wrote, or hub id (``owner/name`` or ``owner/name@revision``).

    Raises:
        FileNotFoundError: the hub does not have the model or cannot be reached.
        PermissionError: the hub does not allow it.
        ValueError: several models are given where one is needed.
    """
    if not isinstance(source, str | Path):
        raise ValueError(
            f"model: expected one model folder or hub id, found {quoted(source)}; only predict, inferring, evaluating "
            "and calibrating take several"
        )
    if is_hub_id(source):
        return download_model(source, MODEL_FILES, "--model")
    folder = Path(source)
    old = aside(folder)
    if old.exists() and not folder.exists():  # saving was killed after it had moved the earlier model aside
        replace(old, folder)
    return folder


class _Network(Protocol):
    """Attributes of a network that is saved; :class:`.vit_multilabel.ViTMultilabel` has them."""

    num_labels: int
    image_size: int
    mean: torch.Tensor
    std: torch.Tensor
    backbone: Any
    labels: list[str] | None
    patch_head: Any
    located_labels: list[str] | None

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """See ``torch.nn.Module``."""
        ...

    def named_buffers(self) -> Iterator[tuple[str, torch.Tensor]]:
        """See ``torch.nn.Module``."""
        ...


class ModelFolder:
    """Methods of a network that is saved as a model folder, under the names that Hugging Face's models have."""

    def save_pretrained(
        self, folder: str | Path, *, labels: Sequence[str] | None = None, provenance: Mapping[str, Any] | None = None
    ) -> None:
        """Write a model folder; :func:`save_vit_multilabel` has more options.

        Args:
            folder: path of the model folder; an earlier one is replaced as a whole.
            labels: names of the C outputs; ``None``: those of the network.
            provenance: origin of the weights, as JSON values.

        Raises:
            ValueError: the number of labels is not the number of outputs.
        """
        network: Any = self
        names = (network.labels or []) if labels is None else labels
        save_vit_multilabel(network, folder, labels=names, provenance=provenance or {})

    @classmethod
    def from_pretrained(cls, source: str | Path, labels: Sequence[str] | None = None) -> Self:
        """Load the network of a model folder, in evaluation mode.

        Args:
            source: folder, or hub id (``owner/name`` or ``owner/name@revision``).
            labels: labels of the data, in order; ``None`` accepts any labels.

        Raises:
            FileNotFoundError: there is no such model.
            PermissionError: the hub does not allow it.
            ValueError: the labels differ, a setting is out of range, the weights do not fit the architecture, or they
                are those of another class.
        """
        folder = find_model_folder(source)
        metadata = read_model_metadata(folder)
        own = labels_of(metadata)
        if labels is not None and list(labels) != own:
            raise ValueError(
                f"{folder}: labels do not match the data; expected {list(labels)}, found {own}; "
                "use the model that was trained on this datalist, or a datalist with the model's labels"
            )
        architecture = only_known_fields(read_config(folder))
        with torch.device("meta"):  # draws no initial weights, which takes longer than reading those of the file
            network: Any = cls._untrained(architecture, own, metadata["preprocessing"], folder)
        state, expected = read_state(folder), network.state_dict()
        check_state(folder, state, expected)
        # Copies, because tensors of a safetensors file may be parts of one memory that is mapped to the file.
        copies = {name: value.to(expected[name].dtype, copy=True) for name, value in state.items()}
        network.load_state_dict(copies, strict=True, assign=True)
        loaded: Self = network.eval()
        return loaded

    @classmethod
    def _untrained(
        cls, architecture: Mapping[str, Any], labels: Sequence[str], preprocessing: Mapping[str, Any], folder: Path
    ) -> Self:
        """Network of the structure that a model folder describes, without its weights.

        Args:
            architecture: configuration of the backbone.
            labels: names of the C outputs.
            preprocessing: section of that name in ``metadata.json``, checked.
            folder: model folder, for messages.

        Raises:
            ValueError: the folder is that of another class.
        """
        raise NotImplementedError


def save_vit_multilabel(
    network: _Network,
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


def _backbone_settings(network: _Network) -> dict[str, Any]:
    """Configuration of the backbone, without the software version and path that transformers adds."""
    settings = network.backbone.config.to_diff_dict()
    return {key: value for key, value in settings.items() if key not in {"transformers_version", "_name_or_path"}}


def _located(network: _Network, labels: Sequence[str]) -> dict[str, list[str]]:
    """Entry of the labels whose place a patch head was trained with, by the names that are saved; none if unknown."""
    if network.patch_head is None or network.located_labels is None:
        return {}
    own = network.labels or labels
    return {"located_labels": [new for new, old in zip(labels, own, strict=True) if old in network.located_labels]}


def _model_metadata(network: _Network, labels: Sequence[str], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Content of ``metadata.json``, in MONAI's format: input, output with its labels, preprocessing, provenance."""
    size, zoom = network.image_size, getattr(network, "settings", None)  # of a network that reads crops
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
            **{key: getattr(network, key) for key in STRUCTURE},
            **({"patch_head": True} if network.patch_head is not None else {}),
            **_located(network, labels),
            **({} if zoom is None else {"zoom": zoom}),
            "mean": network.mean.flatten().tolist(),
            "std": network.std.flatten().tolist(),
        },
        "provenance": dict(provenance),
    }
