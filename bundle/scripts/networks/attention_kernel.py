"""Which kernel multiplies queries, keys and values: PyTorch's fused one, or matrix products while training in bf16.

Measured with torch 2.13 on a core with AMX, ViT-S/16 at 224 pixels, batch 32: 29 % of a training step in bf16 went into
the backward pass of the fused kernel, which recomputes the weights and does not use the matrix unit. Products of bf16
matrices with a softmax between them train 1.2 times as fast, and round as the framework's eager attention does under
autocast. Everywhere else (inference, fp32, GPU, maps too large to be kept) the fused kernel stays.
Processors with bf16 and without AMX were not measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_NAME = "cxr_attention"
_KEPT_BYTES = 300_000_000  # of the attention weights of one layer, which the backward pass needs; 3.6 GB for twelve


def register() -> str:
    """Make :func:`_attend` known to transformers; the name that a model takes it by."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)
    return _NAME


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one layer.

    Args:
        module: the layer.
        query: (B, H, N, d).
        key: (B, H, N, d).
        value: (B, H, N, d).
        attention_mask: none in a Vision Transformer.
        scaling: factor of the scores; ``None``: d ** -0.5.
        dropout: of the attention weights.
        options: passed on to the fused kernel.

    Returns:
        Mixed values (B, N, H, d), and no weights.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is None and not dropout and _is_matmul_faster(query):
        return _multiply(query, key, value, query.shape[-1] ** -0.5 if scaling is None else scaling), None
    return sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
    )  # type: ignore[return-value]


def _is_matmul_faster(query: torch.Tensor) -> bool:
    """Whether these queries (B, H, N, d) are trained in bf16 on a CPU, with weights that may be kept."""
    batch, heads, tokens, _ = query.shape
    kept = batch * heads * tokens**2 * query.element_size()
    return query.requires_grad and query.dtype == torch.bfloat16 and query.device.type == "cpu" and kept <= _KEPT_BYTES


def _multiply(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    """softmax(Q K^T scaling) V, all in the precision of the queries; (B, N, H, d)."""
    with torch.autocast(query.device.type, enabled=False):  # it would make the softmax float32, and copy it twice
        weights = (query * scaling @ key.transpose(-1, -2)).softmax(dim=-1)
        return (weights @ value).transpose(1, 2).contiguous()
