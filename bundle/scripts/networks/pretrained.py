"""Strict, offline-safe loading of a Vision Transformer backbone from a Hugging Face folder or hub id.

transformers' own loading re-initialises a position embedding of another size silently when asked to ignore mismatches
(measured); here any missing or unexpected key other than the known heads is an error, and positions are resampled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

MODEL_TYPES = ("vit", "dinov2", "dinov2_with_registers")
# Heads of the published checkpoints, and of our own model folders, that a new classifier does not use; DINOv2's mask
# token (training only); and the normalisation that our folders hold beside the backbone.
KNOWN_HEADS = re.compile(r"^(pooler\.|classifier\.|decoder\.|head\.|embeddings\.mask_token$|mean$|std$)")
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])  # google/vit-*-in21k; not the ImageNet figures
POSITIONS = "embeddings.position_embeddings"


def make_backbone(settings: Mapping[str, Any], image_size: int) -> Any:
    """Backbone without weights, from configuration values.

    Args:
        settings: ``model_type`` (default ``vit``) and fields of its Hugging Face configuration.
        image_size: side of the square input in pixels, a multiple of the patch size.

    Returns:
        Model whose ``last_hidden_state`` is (B, prefix + patches, D).

    Raises:
        ValueError: a model type that is not a Vision Transformer, or an image size that the patches do not fill.
    """
    from transformers import AutoConfig, AutoModel

    values = {key: value for key, value in settings.items() if key not in {"model_type", "dtype", "torch_dtype"}}
    model_type = settings.get("model_type", "vit")
    if model_type not in MODEL_TYPES:
        raise ValueError(
            f"backbone: model_type cannot be used; expected one of {', '.join(MODEL_TYPES)}, found {model_type!r}; "
            "choose a checkpoint of the ViT family"
        )
    config = AutoConfig.for_model(model_type, **{**values, "image_size": image_size})
    config.use_mask_token = False
    if image_size % config.patch_size:
        raise ValueError(
            f"image_size: the patches do not fill the image; expected a multiple of {config.patch_size}, "
            f"found {image_size}; set --image_size {image_size // config.patch_size * config.patch_size}"
        )
    pooler = {"add_pooling_layer": False} if model_type == "vit" else {}
    return AutoModel.from_config(config, attn_implementation="sdpa", dtype=torch.float32, **pooler)


def load_backbone(source: str | Path, image_size: int) -> tuple[Any, list[float], list[float]]:
    """Backbone with the weights of ``source``, and the mean and standard deviation that it was trained with.

    Args:
        source: local folder of a checkpoint or of a model of ours (whose head is left behind), or hub id
            (``google/vit-base-patch16-224-in21k``) from the cache or the hub.
        image_size: side of the square input; positions are resampled to it.

    Returns:
        Backbone in float32, mean (3), standard deviation (3).

    Raises:
        FileNotFoundError: no such folder, or hub id that cannot be reached.
        ValueError: weights that do not fit.
    """
    folder = local_folder(source)
    settings = json.loads((folder / "config.json").read_text())
    backbone = make_backbone(settings, image_size)
    state = canonical_names(read_state(folder), backbone)
    expected = backbone.state_dict()
    if POSITIONS in state and state[POSITIONS].shape != expected[POSITIONS].shape:
        prefix = expected[POSITIONS].shape[1] - (image_size // backbone.config.patch_size) ** 2
        state[POSITIONS] = resample_positions(state[POSITIONS], expected[POSITIONS].shape[1] - prefix, prefix)
    check_state(folder, state, expected)
    backbone.load_state_dict({key: value for key, value in state.items() if key in expected}, strict=True)
    mean, std = normalisation(folder, settings)
    return backbone, mean, std


def local_folder(source: str | Path) -> Path:
    """Folder of the checkpoint: ``source`` itself, or a snapshot of the hub id.

    Raises:
        FileNotFoundError: saying where it was looked for and how to bring it.
    """
    if (Path(source) / "config.json").is_file():
        return Path(source)
    if Path(source).exists() or str(source).startswith((".", "/", "~")) or str(source).count("/") != 1:
        raise FileNotFoundError(
            f"{source}: no checkpoint; expected a folder with config.json and model.safetensors, found none; "
            "see docs/howto.md#checkpoints"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(source), allow_patterns=["*.json", "*.safetensors", "pytorch_model.bin"]))
    except Exception as error:
        raise FileNotFoundError(
            f"{source}: checkpoint is neither a local folder nor in the Hugging Face cache, and the hub cannot "
            f"be reached "
            f"({type(error).__name__}); copy it to a folder and set --backbone FOLDER (docs/howto.md#checkpoints)"
        ) from error


def read_state(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint in float32; safetensors (also sharded) before ``pytorch_model.bin``."""
    from safetensors.torch import load_file

    shards = sorted(folder.glob("model*.safetensors"))
    if shards:
        state = {key: value for shard in shards for key, value in load_file(shard).items()}
    elif (folder / "pytorch_model.bin").is_file():
        state = torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
    else:
        raise FileNotFoundError(f"{folder}: no weights; expected model.safetensors, found none; copy the file there")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def canonical_names(state: Mapping[str, torch.Tensor], backbone: nn.Module) -> dict[str, torch.Tensor]:
    """File names -> names in memory.

    Files have the names of transformers 4 (``encoder.layer.0.attention.attention.query``), with ``vit.`` before them in
    task models; transformers 5 keeps the old names on disk and renames in memory; both kinds are accepted.
    """
    layers = "layers" if any(key.startswith("layers.") for key in backbone.state_dict()) else "encoder.layer"
    rules = (
        (r"^(backbone|vit|dinov2|dinov2_with_registers)\.", ""),
        (r"^(encoder\.layer|layers)\.(\d+)\.", rf"{layers}.\2."),
        (r"\.attention\.attention\.(query|key|value)\.", lambda match: f".attention.{match[1][0]}_proj."),
        (r"\.attention\.output\.dense\.", ".attention.o_proj."),
        (r"\.intermediate\.dense\.", ".mlp.fc1."),
        (r"(\d)\.output\.dense\.", r"\1.mlp.fc2."),
    )
    renamed = {}
    for key, value in state.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)  # type: ignore[arg-type]
        renamed[key] = value
    return renamed


def resample_positions(positions: torch.Tensor, patches: int, prefix: int) -> torch.Tensor:
    """(1, prefix + n, D) -> (1, prefix + patches, D): bicubic, antialiased; prefix tokens are kept."""
    side, target = round((positions.shape[1] - prefix) ** 0.5), round(patches**0.5)
    grid = positions[:, prefix:].reshape(1, side, side, -1).permute(0, 3, 1, 2)  # (1, D, side, side)
    grid = F.interpolate(grid, size=(target, target), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([positions[:, :prefix], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def check_state(folder: Path, state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Refuse missing, unexpected and wrong-size tensors.

    Raises:
        ValueError: naming up to five of them.
    """
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected and not KNOWN_HEADS.match(key)]
    resized = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in expected
        if key in state and state[key].shape != expected[key].shape
    ]
    for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another size", resized)):
        if keys:
            raise ValueError(
                f"{folder}: weights do not fit config.json; expected the tensors of that architecture, found "
                f"{len(keys)} {what}: {', '.join(keys[:5])}; download the checkpoint again, or fix config.json"
            )


def normalisation(folder: Path, settings: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel: the checkpoint's own, else those its family was trained with."""
    if (folder / "metadata.json").is_file():  # a model of ours
        own = json.loads((folder / "metadata.json").read_text())["preprocessing"]
        return list(own["mean"]), list(own["std"])
    file = folder / "preprocessor_config.json"
    if file.is_file():
        values = json.loads(file.read_text())
        if "image_mean" in values:
            return list(values["image_mean"]), list(values["image_std"])
    return HALF if settings.get("model_type") == "vit" else IMAGENET
