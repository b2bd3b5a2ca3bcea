"""Strict loading of a Vision Transformer backbone from a folder or hub id, in three weight formats, also offline.

Any missing or unexpected tensor is an error, except for known heads, and position embeddings of another size are
resampled. The loader of transformers is not used, because it initialises position embeddings of another size with
random values without an error when asked to ignore mismatches (measured).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from ..common.choices import check_choice
from ..common.hub_download import download_model, is_hub_id
from ..common.printable import quoted, shortened
from ..common.text_file import read_json
from ..common.weight_files import load_pickle, load_weights
from . import attention_kernel
from .normalisation import normalisation_of
from .weight_formats import POSITIONS, architecture_of, format_of, names_in, transformers_names

_MODEL_TYPES = ("vit", "dinov2", "dinov2_with_registers")
# Tensors outside the backbone: heads of published checkpoints; DINOv2's mask token, used in training only; unused
# layers of MONAI's blocks; and the other parts of a model folder of this package (see :mod:`.warm_start`).
_OTHER_PARTS = re.compile(
    r"^(pooler\.|classifier\.|decoder\.|head\.|classification_head\.|embeddings\.mask_token$|mean$|std$"
    r"|layers\.\d+\.(norm_)?cross_attn\.|conv_branches\.|label_tokens$|patch_head\.)"
)
MODEL_WEIGHTS = "model*.safetensors"  # names of the weight files, with shards
_PICKLES = ("pytorch_model.bin", "model.pt")  # names of pickled tensors of Hugging Face and of MONAI
_HUB_FILES = ("*.json", "*.safetensors", "pytorch_model.bin")  # the pickle for checkpoints without safetensors


def make_backbone(settings: Mapping[str, Any], image_size: int) -> Any:
    """Create a backbone with random weights from configuration values.

    Args:
        settings: ``model_type`` (``vit`` by default) and fields of its Hugging Face configuration.
        image_size: side of the square input in pixels, a multiple of the patch size.

    Returns:
        Model whose ``last_hidden_state`` is (B, prefix + patches, D).

    Raises:
        ValueError: the model type is not a Vision Transformer, or the image size is not a multiple of the patch size.
    """
    from transformers import AutoModel

    config = _make_config({**settings, "image_size": image_size})
    config.use_mask_token = False
    if image_size % config.patch_size:
        raise ValueError(
            f"image_size: the patches do not fill the image; expected a multiple of {config.patch_size}, "
            f"found {image_size}; set --image_size {image_size // config.patch_size * config.patch_size}"
        )
    pooler = {"add_pooling_layer": False} if config.model_type == "vit" else {}
    backbone = AutoModel.from_config(
        config, attn_implementation=attention_kernel.register(), dtype=torch.float32, **pooler
    )
    backbone.embeddings.mask_token = None  # DINOv2 with registers creates one regardless of use_mask_token
    return backbone


def _make_config(settings: Mapping[str, Any]) -> Any:
    """Hugging Face configuration of a backbone, checked.

    Raises:
        ValueError: the model type is not a Vision Transformer, or a value has a wrong type or is out of range.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig
    from transformers.activations import ACT2FN

    values = {key: value for key, value in settings.items() if key not in {"model_type", "dtype", "torch_dtype"}}
    try:
        config = AutoConfig.for_model(model_type_of(settings), **values)
    except (StrictDataclassError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"architecture: {shortened(reason, 200)}; expected the types of a Hugging Face configuration, see above; "
            "correct it"
        ) from error
    for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "patch_size", "num_channels"):
        value = getattr(config, key)
        if type(value) is not int or value < 1:
            raise ValueError(f"architecture: {key}: expected a whole number from 1, found {quoted(value)}; correct it")
    if config.hidden_size % config.num_attention_heads:
        raise ValueError(
            f"architecture: hidden_size: expected a multiple of num_attention_heads ({config.num_attention_heads}), "
            f"found {config.hidden_size}; correct one of them"
        )
    check_choice("architecture: hidden_act", config.hidden_act, ACT2FN)
    return config


def model_type_of(settings: Mapping[str, Any]) -> str:
    """Model type of a configuration, ``vit`` by default.

    Raises:
        ValueError: the model type is not a Vision Transformer.
    """
    model_type = settings.get("model_type", "vit")
    check_choice("backbone: model_type", model_type, _MODEL_TYPES)
    return str(model_type)


def known_fields(settings: Mapping[str, Any]) -> list[str]:
    """Fields that the Hugging Face configuration of this model type has."""
    from transformers import AutoConfig

    return sorted({"torch_dtype", *AutoConfig.for_model(model_type_of(settings)).to_dict()})


def only_known_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration of a saved model without fields that this version of transformers does not have."""
    known = known_fields(settings)
    return {key: value for key, value in settings.items() if key in known}


def load_backbone(source: str | Path, image_size: int) -> tuple[Any, list[float], list[float]]:
    """Load a pretrained backbone, with the mean and standard deviation of its training.

    Args:
        source: folder of a checkpoint (``config.json`` and Hugging Face, timm or MONAI weights), model folder of this
            package, or hub id (``google/vit-base-patch16-224-in21k``, with ``@revision`` after it if need be) that is
            in the cache or downloaded.
        image_size: side of the square input in pixels; position embeddings are resampled to it.

    Returns:
        Backbone in float32; mean and standard deviation of each channel.

    Raises:
        FileNotFoundError: the folder does not exist, or the hub cannot be reached.
        ValueError: the weights do not fit the architecture.
    """
    folder = local_folder(source)
    settings = read_config(folder)
    state = read_state(folder)
    weight_format = format_of(state)
    state = transformers_names(state)
    architecture = settings if weight_format == "huggingface" else architecture_of(state, weight_format, settings)
    backbone = make_backbone(architecture, image_size)
    state = names_in(backbone, state)
    expected = backbone.state_dict()
    if POSITIONS in state and state[POSITIONS].shape != expected[POSITIONS].shape:
        antialias = not _is_plainly_resampled(folder, weight_format, backbone.config.model_type)
        state[POSITIONS] = _resample_positions(
            state[POSITIONS], expected[POSITIONS].shape[1] - 1, prefix=1, antialias=antialias
        )
    state = {key: value for key, value in state.items() if key in expected or not _OTHER_PARTS.match(key)}
    check_state(folder, state, expected)
    backbone.load_state_dict(state, strict=True)
    mean, std = normalisation_of(folder, settings, weight_format, backbone.config.num_channels)
    return backbone, mean, std


def local_folder(source: str | Path) -> Path:
    """Folder of a checkpoint: ``source`` itself, or the downloaded snapshot of a hub id.

    Raises:
        FileNotFoundError: there is no checkpoint, and the message says where it was searched for.
        PermissionError: the hub does not allow it.
    """
    if (Path(source) / "config.json").is_file():
        return Path(source)
    if not is_hub_id(source):
        raise FileNotFoundError(
            f"{source}: no checkpoint; expected a folder with config.json and model.safetensors, or a hub id "
            "(owner/name or owner/name@revision), found none; see docs/howto.md#checkpoints"
        )
    return download_model(source, _HUB_FILES, "--backbone")


def read_state(folder: Path) -> dict[str, torch.Tensor]:
    """Read all tensors of a checkpoint in float32: safetensors (also in shards) or else a pickle of tensors.

    Raises:
        FileNotFoundError: there are no weights.
        ValueError: there are weights of several networks, or a file is damaged.
    """
    state = load_weights(folder, MODEL_WEIGHTS)
    pickles = [folder / name for name in _PICKLES if (folder / name).is_file()]
    if not state and len(pickles) == 1:
        state = load_pickle(pickles[0])
    elif not state:
        raise (ValueError if pickles else FileNotFoundError)(
            f"{folder}: no weights; expected model.safetensors, or one of {' and '.join(_PICKLES)}, found "
            f"{'both' if pickles else 'none'}; copy the file there, or move the other one to another folder"
        )
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json`` of a checkpoint.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a JSON object.
    """
    path = folder / "config.json"
    settings = read_json(path, "the configuration of a Vision Transformer", "copy the checkpoint again")
    if not isinstance(settings, dict):
        raise ValueError(f"{path}: expected a JSON object, found {quoted(settings)}; copy the checkpoint again")
    return settings


def _is_plainly_resampled(folder: Path, weight_format: str, model_type: str) -> bool:
    """Whether the code that belongs to a checkpoint resamples its positions without antialiasing.

    The classes ``ViTModel`` and ``Dinov2Model`` of transformers do, as the paper's checkpoint is used. That of DINOv2
    with registers, timm, and this package (a model folder with ``metadata.json``) antialias.
    """
    is_own = (folder / "metadata.json").is_file()
    return weight_format == "huggingface" and model_type in ("vit", "dinov2") and not is_own


def _resample_positions(positions: torch.Tensor, patches: int, prefix: int, *, antialias: bool) -> torch.Tensor:
    """Resample position embeddings (1, prefix + n, D) to (1, prefix + patches, D), bicubic.

    The positions of the prefix tokens are kept.

    Args:
        positions: embeddings of the prefix tokens and of a square of n patches.
        patches: number of patches of the new square.
        prefix: number of prefix tokens.
        antialias: whether to antialias when the square becomes smaller.

    Raises:
        ValueError: n is not a square number.
    """
    side, target = math.isqrt(positions.shape[1] - prefix), math.isqrt(patches)
    if side**2 != positions.shape[1] - prefix:
        raise ValueError(
            f"{POSITIONS}: cannot be resampled; expected {prefix} + a square number of positions, "
            f"found {positions.shape[1]}; use a checkpoint that was trained on square images"
        )
    grid = positions[:, prefix:].reshape(1, side, side, -1).permute(0, 3, 1, 2)  # (1, D, side, side)
    grid = F.interpolate(grid, size=(target, target), mode="bicubic", antialias=antialias, align_corners=False)
    return torch.cat([positions[:, :prefix], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def check_state(folder: Path, state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Check that weights have the tensors of a network, and no others.

    Raises:
        ValueError: tensors are missing, unexpected or of another size; the message names up to five of them.
    """
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
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
