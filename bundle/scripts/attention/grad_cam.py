"""Grad-CAM on patch tokens, per label (Selvaraju et al. 2017, arXiv:1610.02391)."""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput
from .recording import gradients, recording


class GradCAM:
    """Patch tokens at the input of the last block, weighted by the mean gradient of each feature.

    The output of the last block is not used, because the gradient there is zero for a classifier that reads only the
    CLS token. The method is weak for such a classifier: few patches pass on a finding to the CLS token, and the mean
    gradient is taken over all patches.

    Args:
        network: classifier in evaluation mode.
    """

    name, per_label = "grad_cam", True

    def __init__(self, network: ViTMultilabel) -> None:
        self.network = network

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w)."""
        rows, columns = self.network.patch_grid
        with gradients(image.device), recording(self.network) as record:
            logits = self.network(image.detach().clone().requires_grad_())
            record.check()
            tokens = record.entering.detach()[:, -rows * columns :]  # (B, h * w, D)
            maps = []
            for label in range(logits.shape[1]):
                (gradient,) = torch.autograd.grad(logits[:, label].sum(), record.entering, retain_graph=True)
                feature_weights = gradient[:, -rows * columns :].mean(dim=1)  # (B, D)
                maps.append(torch.einsum("bnd,bd->bn", tokens, feature_weights).clamp(min=0))
        return AttentionOutput(logits.detach(), torch.stack(maps, dim=1).unflatten(-1, (rows, columns)))
