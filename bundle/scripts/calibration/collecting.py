"""Run a network over images once, and keep logits, targets and features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ..networks.ensemble import Network
from ..networks.head_inputs import head_inputs
from ..networks.zoom import KEYS


@dataclass(frozen=True)
class Outputs:
    """Outputs of the network for N images, in the order of the loader.

    Attributes:
        logits: (N, C) float32.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        features: inputs of the network's head, (N, D) or, with one token per label, (N, C, D) float32.
    """

    logits: np.ndarray
    targets: np.ndarray
    features: np.ndarray


@torch.no_grad()
def collect(
    network: Network,
    loader: Iterable[Mapping[str, torch.Tensor]],
    inferer: Callable[..., torch.Tensor],
    device: torch.device | str,
) -> Outputs:
    """Compute the outputs for all images of a loader.

    Args:
        network: network on ``device``; it is set to evaluation mode.
        loader: batches with ``image`` (B, 1, S, S), ``label`` (B, C), and crops if the network reads crops.
        inferer: callable (images, network, *crops) -> logits, which sets the precision.
        device: device of the images.
    """
    network.eval()
    logits, targets = [], []
    with head_inputs(network) as features:
        for batch in loader:
            crops = [batch[key].to(device) for key in KEYS if key in batch]
            logits.append(inferer(batch["image"].to(device), network, *crops).float().cpu())
            targets.append(batch["label"])
            features[-1] = features[-1].float().cpu()
    return Outputs(*(torch.cat(parts).numpy() for parts in (logits, targets, features)))
