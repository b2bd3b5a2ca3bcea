"""What enters the classifier's head, without a second forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .vit_multilabel import ViTMultilabel


@contextmanager
def head_inputs(network: ViTMultilabel) -> Iterator[list[torch.Tensor]]:
    """What enters the head in each forward pass while it is open, in order: (B, D), or (B, C, D) of label tokens."""
    seen: list[torch.Tensor] = []
    hook = network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    try:
        yield seen
    finally:
        hook.remove()
