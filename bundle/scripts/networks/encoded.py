"""Tokens of a batch of images that the heads of a network read."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Encoded(NamedTuple):
    """Tokens (B, prefix + h * w, D) of a batch of images: CLS, register and patch tokens.

    Attributes:
        final: tokens after the final norm.
        inputs: inputs of the last K blocks.
        read: outputs of the blocks that the patch head reads; the last of them are ``final``.
    """

    final: torch.Tensor
    inputs: list[torch.Tensor]
    read: list[torch.Tensor]
