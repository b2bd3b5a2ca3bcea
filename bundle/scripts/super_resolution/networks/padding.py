"""Padding to sizes that a network can halve."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Pad (N, C, h, w) at the bottom and on the right until ``multiple`` divides height and width.

    The padding is a reflection, or repeats the last pixels if the image is too small for a reflection.
    """
    rows, columns = -image.shape[-2] % multiple, -image.shape[-1] % multiple
    reflects = rows < image.shape[-2] and columns < image.shape[-1]
    return F.pad(image, (0, columns, 0, rows), mode="reflect" if reflects else "replicate")
