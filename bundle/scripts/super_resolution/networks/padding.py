"""Sizes that a network can halve."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """(N, C, h, w) -> the same, continued below and to the right until ``multiple`` divides its size.

    Reflected, and where one reflection is too short (images narrower than the padding) continued with the last pixel.
    """
    rows, columns = -image.shape[-2] % multiple, -image.shape[-1] % multiple
    reflects = rows < image.shape[-2] and columns < image.shape[-1]
    return F.pad(image, (0, columns, 0, rows), mode="reflect" if reflects else "replicate")
