"""One network in several processes."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def data_parallel(network: nn.Module) -> DistributedDataParallel:
    """Wrap a network that is on its device already; gradients are averaged over the processes.

    A Vision Transformer gets no gradient in DINOv2's unused tokens, so unused parameters are looked for. Buffers
    are constants; broadcasting them in each forward pass would hang processes whose shares have different lengths.
    """
    device = next(network.parameters()).device
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=ids, find_unused_parameters=True, broadcast_buffers=False)
