"""Records the input of the classifier's head, without a second forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .vit_multilabel import ViTMultilabel


@contextmanager
def head_inputs(network: ViTMultilabel) -> Iterator[list[torch.Tensor]]:
    """Record the input of the head in each forward pass inside the context: (B, D), or (B, C, D) for label tokens."""
    seen: list[torch.Tensor] = []
    hook = network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    try:
        yield seen
    finally:
        hook.remove()
