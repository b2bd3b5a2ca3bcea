"""Gradient-weighted attention through all layers, per label (Chefer et al. 2021, arXiv:2103.15679, rules 5 and 6)."""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput
from .recording import Layer, gradients, recording

_IMAGE_BYTES = 256 * 2**20  # attention weights in memory at the same time


class GradAttention:
    """Relevance of each patch for each label.

    The rows of the relevance matrix R of all tokens that the head reads are added up. For ``cls`` that is the row of
    the CLS token, as in the paper. For ``cls_mean`` the rows of all patches are added with weight 1, because the
    gradients already contain the weights of the head; a weight of 1/N lowered the hit rate on the NIH validation boxes
    from 0.24 to 0.19. The identity in R, which is the same for all patches, is subtracted.

    Args:
        network: classifier in evaluation mode.

    Raises:
        ValueError: the head of the network reads label tokens.
    """

    name, per_label = "grad_attention", True

    def __init__(self, network: ViTMultilabel) -> None:
        if network.pool == "label_tokens":
            raise ValueError(
                "attention_method: grad_attention does not support label tokens; expected pool cls or cls_mean, found "
                "label_tokens; set attention_method to label_tokens"
            )
        self.network = network

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w)."""
        parts = [self.explain(part) for part in image.split(self.images_at_once())]
        logits, maps = zip(*parts, strict=True)
        return AttentionOutput(torch.cat(logits), torch.cat(maps))

    def images_at_once(self) -> int:
        """Number of images whose attention weights fit into 256 MiB; at least one."""
        config, (rows, columns) = self.network.backbone.config, self.network.patch_grid
        size = 4 * config.num_hidden_layers * config.num_attention_heads * (rows * columns) ** 2
        return max(1, _IMAGE_BYTES // size)

    def explain(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, C) and maps (B, C, h, w) of a few images."""
        rows, columns = self.network.patch_grid
        with gradients(image.device), recording(self.network) as record:
            # The image requires a gradient, so that there is a graph even if all weights are frozen.
            logits = self.network(image.detach().clone().requires_grad_())
            record.check()
            weights = [layer.weights() for layer in record.layers]
            read = self.readout(weights[0])
            maps = [
                _relevance(record.layers, weights, read, logits[:, label].sum()) for label in range(logits.shape[1])
            ]
        grids = torch.stack(maps, dim=1)[..., -rows * columns :]  # (B, C, h * w)
        return logits.detach(), grids.unflatten(-1, (rows, columns))

    def readout(self, weights: torch.Tensor) -> torch.Tensor:
        """(B, 1, N): 1 for each final token that the head reads, 0 for the others."""
        rows, columns = self.network.patch_grid
        read = torch.zeros_like(weights[:, 0, :1])
        read[..., 0] = 1
        if self.network.pool == "cls_mean":
            read[..., -rows * columns :] = 1
        return read


def _relevance(
    layers: list[Layer], weights: list[torch.Tensor], read: torch.Tensor, logit: torch.Tensor
) -> torch.Tensor:
    """Relevance of each input token for a logit.

    The paper's R is (I + A_L) ... (I + A_1), where A_l is the mean over heads of (dy/dA * A)+. Only the rows of the
    tokens that the head reads are needed, so the product is computed from the last layer to the first.

    Args:
        layers: recordings of the L attention layers.
        weights: attention weights (B, H, N, N) of each layer.
        read: (B, 1, N), from :meth:`GradAttention.readout`.
        logit: scalar, sum of the logit over the batch; the images of a batch do not influence each other.

    Returns:
        (B, N).
    """
    mixed = torch.autograd.grad(logit, [layer.mixed for layer in layers], retain_graph=True)
    row = read
    for layer, weight, gradient in zip(reversed(layers), reversed(weights), reversed(mixed), strict=True):
        row = row + row @ (layer.weight_gradient(gradient) * weight).clamp(min=0).mean(dim=1)
    return (row - read)[:, 0]
