"""Classifier for a network that also reads crops, which are cut from the films at full size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..attention import Attention
from ..networks.head_inputs import head_inputs
from ..networks.zoom import ZoomViT
from ..zoom.crops import Zoomer
from .classifier import Classified, Classifier


class ZoomClassifier(Classifier):
    """:class:`.classifier.Classifier` of a :class:`..networks.ZoomViT`; attention maps come from its guide network.

    Args:
        network: network on ``device``, in evaluation mode.
        attention: attention method, bound to the guide network.
        inferer: runs the network at its precision; the guide runs in float32, as in training.
        device: device that images are moved to.
        zoomer: chooses regions and cuts the crops.
    """

    def __init__(
        self,
        network: ZoomViT,
        attention: Attention,
        inferer: Callable[..., torch.Tensor],
        device: torch.device | str,
        zoomer: Zoomer,
    ) -> None:
        super().__init__(network, attention, inferer, device)
        self.zoomer = zoomer

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, sources: Sequence[torch.Tensor] = ()) -> Classified:
        """Classify films.

        Args:
            images: resized images (B, 1, S, S) in [0, 1].
            sources: B images at full size, (1, H, W) each.

        Raises:
            ValueError: the number of sources is not B.
        """
        if len(sources) != len(images):
            raise ValueError(
                f"sources: crops are cut from the images at full size; expected {len(images)} of them, "
                f"found {len(sources)}; pass them beside the fitted images"
            )
        images = images.to(self.device)
        with self.lock:
            crops, boxes = (part.to(self.device) for part in self.zoomer.inputs(sources))
            with head_inputs(self.network) as features:
                logits = self.inferer(images, self.network, crops, boxes)
            output = self.attention(images)
        return Classified(logits.float().cpu(), output.on_cpu(), features[0].float().cpu())
