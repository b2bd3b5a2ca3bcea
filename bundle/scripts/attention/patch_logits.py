"""Place of each label among the patches, for a network with a patch head (Li et al. 2018, arXiv:1711.06373).

The map of a label is the softmax of its patch logits: the probability that a patch is where the label is seen, if the
film shows it. The mass loss of the training (:mod:`..networks.map_loss`) fits these probabilities to the boxes. The map
is smoothed by a twenty-fourth of the side of the image (:mod:`.with_maps`). Labels whose place was not trained choose
no regions.
"""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput
from .with_maps import WithMaps


class PatchLogits:
    """Maps that the network computes in its forward pass, one per label.

    Args:
        network: classifier in evaluation mode, with a patch head.

    Raises:
        ValueError: the network has no patch head.
    """

    name, per_label = "patch_logits", True

    def __init__(self, network: ViTMultilabel) -> None:
        if network.patch_head is None:
            raise ValueError(
                "attention_method: patch_logits needs a network with a patch head; expected patch_head true, found "
                "false; set attention_method to grad_attention, or train with --patch_head true"
            )
        self.with_maps, self.located = WithMaps(network, self.name), network.located_labels

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w), each with a sum of one."""
        logits, maps = self.with_maps(image)
        return AttentionOutput(logits, maps, self.located)
