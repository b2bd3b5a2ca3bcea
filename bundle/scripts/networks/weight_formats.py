"""Converts Vision Transformer weights of three formats to the tensor names of transformers, in memory.

============  ====================================  ================================================================
format        patch projection                      differences
============  ====================================  ================================================================
Hugging Face  ``embeddings.patch_embeddings…``      names of transformers 4 or 5, or of a model for a task
timm          ``patch_embed.proj``                  query, key and value in one tensor; also DINOv2's original files
MONAI         ``patch_embedding.patch_embeddings``  query, key and value in one tensor; the CLS token has no position
============  ====================================  ================================================================

transformers converts only between its own versions, and neither timm nor MONAI converts. The outputs of converted
weights equal those of the original library to 1e-5 (tested).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

POSITIONS = "embeddings.position_embeddings"
_PROJECTION = "embeddings.patch_embeddings.projection.weight"
_MARKS = {
    "huggingface": _PROJECTION,
    "timm": "patch_embed.proj.weight",
    "monai": "patch_embedding.patch_embeddings.weight",
}
_EPSILON = {"timm": 1e-6, "monai": 1e-5}  # epsilon of the layer norms, which no file contains
_TIMM_HEADS = {"tiny": 3, "small": 6, "base": 12, "large": 16, "huge": 16}
_PREFIX = re.compile(r"^(?:(?:module|backbone|vit|dinov2|dinov2_with_registers)\.)+")
_FUSED = (
    (re.compile(r"attn\.qkv\.(?=weight$|bias$)"), ("attention.q_proj.", "attention.k_proj.", "attention.v_proj.")),
    (re.compile(r"mlp\.weights_in\.(?=weight$|bias$)"), ("mlp.gate_proj.", "mlp.up_proj.")),  # SwiGLU, transformers 4
)
_RULES = (
    (r"^(encoder\.layer|blocks)\.(\d+)\.", r"layers.\2."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    # transformers 4
    (r"\.attention\.attention\.query\.", ".attention.q_proj."),
    (r"\.attention\.attention\.key\.", ".attention.k_proj."),
    (r"\.attention\.attention\.value\.", ".attention.v_proj."),
    (r"\.attention\.output\.dense\.", ".attention.o_proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"(\d)\.output\.dense\.", r"\1.mlp.fc2."),
    (r"\.mlp\.weights_out\.", ".mlp.down_proj."),
    # timm and MONAI
    (r"^(patch_embed\.proj|patch_embedding\.patch_embeddings)\.", "embeddings.patch_embeddings.projection."),
    (r"^(pos_embed|patch_embedding\.position_embeddings)$", POSITIONS),
    (r"^(cls_token|mask_token)$", r"embeddings.\1"),
    (r"^(reg_token|register_tokens)$", "embeddings.register_tokens"),
    (r"^norm\.", "layernorm."),
    (r"\.attn\.(proj|out_proj)\.", ".attention.o_proj."),
    (r"\.mlp\.linear([12])\.", r".mlp.fc\1."),
    (r"\.ls([12])\.gamma$", r".layer_scale\1.lambda1"),
)


def format_of(state: Mapping[str, torch.Tensor]) -> str:
    """Weight format, recognised by the name of the patch projection: ``huggingface``, ``timm`` or ``monai``.

    Raises:
        ValueError: there is no such tensor.
    """
    names = {_PREFIX.sub("", key) for key in state}
    for weight_format, mark in _MARKS.items():
        if mark in names:
            return weight_format
    raise ValueError(
        f"weights: not of a Vision Transformer; expected one of {', '.join(_MARKS.values())}, "
        f"found {', '.join(sorted(names)[:3])}, …; use a checkpoint of Hugging Face, timm or MONAI"
    )


def transformers_names(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the tensors of any format to those of transformers 5: blocks ``layers.N``, norms ``norm1`` and ``norm2``.

    Position embeddings without one for the CLS token (MONAI, some models of timm) get a zero, which does not change it.
    """
    renamed = {}
    for key, value in state.items():
        key = _PREFIX.sub("", key)
        for pattern, replacement in _RULES:
            key = re.sub(pattern, replacement, key)
        renamed.update(_unfused(key, value))
    if POSITIONS in renamed and math.isqrt(renamed[POSITIONS].shape[1]) ** 2 == renamed[POSITIONS].shape[1]:
        grid = renamed[POSITIONS]
        renamed[POSITIONS] = torch.cat([torch.zeros_like(grid[:, :1]), grid], dim=1)
    return renamed


def _unfused(key: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """Split a fused tensor into equal parts along its first axis; any other tensor is returned unchanged."""
    for pattern, parts in _FUSED:
        if pattern.search(key):
            shares = value.chunk(len(parts))
            return {pattern.sub(part, key): share for part, share in zip(parts, shares, strict=True)}
    return {key: value}


def names_in(backbone: nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the result of :func:`transformers_names` to the names that blocks and norms have in this backbone."""
    expected = backbone.state_dict()
    own = {}
    if not any(key.startswith("layers.") for key in expected):  # DINOv2
        own[r"^layers\."] = "encoder.layer."
    if not any(".norm1." in key for key in expected):  # ViT
        own |= {r"\.norm1\.": ".layernorm_before.", r"\.norm2\.": ".layernorm_after."}
    named = {}
    for key, value in state.items():
        for general, name in own.items():
            key = re.sub(general, name, key)
        named[key] = value
    return named


def architecture_of(
    state: Mapping[str, torch.Tensor], weight_format: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Hugging Face configuration of timm or MONAI weights, derived from their shapes and ``config.json``.

    Args:
        state: weights, renamed by :func:`transformers_names`.
        weight_format: ``timm`` or ``monai``.
        settings: content of ``config.json``: timm's, or fields of a Hugging Face configuration, which override the
            values derived from the shapes.

    Raises:
        ValueError: the number of attention heads is unknown, or the MLP is not of the usual form.
    """
    named = re.match(r"(?:vit|deit3?)_(tiny|small|base|large|huge)_", settings.get("architecture", ""))
    stated = {} if "architecture" in settings else dict(settings)
    heads = settings.get("num_attention_heads", _TIMM_HEADS[named[1]] if named else None)
    if heads is None:
        raise ValueError(
            "config.json: the number of attention heads is unknown; expected num_attention_heads or the name of a timm "
            f"architecture, found {', '.join(settings) or 'nothing'}; add it to the file"
        )
    first = "layers.0.mlp.fc1.weight"
    if first not in state:
        raise ValueError(
            f"weights: not of a plain {weight_format} Vision Transformer; expected the tensor {first}, found none; use "
            "another checkpoint"
        )
    width, channels, _, patch = state[_PROJECTION].shape
    hidden = state[first].shape[0]
    found = {
        "model_type": "vit",
        "hidden_size": width,
        "num_channels": channels,
        "patch_size": patch,
        "num_hidden_layers": sum(key.endswith(".attention.q_proj.weight") for key in state),
        "num_attention_heads": heads,
        "qkv_bias": "layers.0.attention.q_proj.bias" in state,
        "layer_norm_eps": _EPSILON[weight_format],
        "intermediate_size": hidden,
    }
    if "layers.0.layer_scale1.lambda1" in state:
        found |= {"model_type": "dinov2", "mlp_ratio": hidden // width}
        del found["intermediate_size"]
    if "embeddings.register_tokens" in state:
        registers = state["embeddings.register_tokens"].shape[1]
        found |= {"model_type": "dinov2_with_registers", "num_register_tokens": registers}
    return {**found, **stated}
