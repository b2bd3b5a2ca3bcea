"""Mixed precision on any device: fp32 weights, and autocast in the forward pass.

The engines of MONAI 1.6.1 autocast on CUDA only (``torch.autocast("cuda")``). The inferer of this module autocasts on
any device and serves training, validation and inference. Only fp16 on CUDA also needs the engine's ``amp``, for its
gradient scaler. On two CPU cores with AVX512-bf16, bf16 has 2.7 times the throughput of fp32 for ViT-B/16.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..common.choices import check_choice

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(precision: str, device: torch.device | str) -> str:
    """Turn ``auto`` into the fastest safe precision of ``device``.

    Args:
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: device of the network.

    Returns:
        ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        ValueError: an unknown precision, or fp16 on a CPU, where it has a fifth of the speed of fp32.
    """
    check_choice("precision", precision, ("auto", *DTYPES))
    kind = torch.device(device).type
    if precision == "fp16" and kind == "cpu":
        raise ValueError(
            "precision: fp16 is slower than fp32 on a CPU; expected fp32 or bf16, found fp16; set --precision auto"
        )
    if precision != "auto":
        return precision
    if kind == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if kind == "cpu" and _cpu_has_bf16():
        return "bf16"
    return "fp32"


def _cpu_has_bf16() -> bool:
    """Whether the processor supports bf16 dot products, from the flags in ``/proc/cpuinfo``; False outside Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.exists() else set()
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})


class AutocastInferer:
    """Inferer for an engine of MONAI that runs the network under autocast and returns its output in float32.

    Args:
        precision: ``fp32``, ``bf16`` or ``fp16``, as returned by :func:`resolve_precision`.
    """

    def __init__(self, precision: str = "fp32") -> None:
        self.dtype = DTYPES[precision]

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Compute float32 logits (B, C) for images (B, 1, S, S); maps that a network adds are in float32 already."""
        images = inputs.as_tensor() if hasattr(inputs, "as_tensor") else inputs
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            output = network(images, *args, **kwargs)
        if isinstance(output, tuple):
            logits, maps = output
            return logits.float(), maps
        return output.float()
