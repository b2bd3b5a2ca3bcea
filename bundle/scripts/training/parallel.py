"""Wraps a network for distributed training."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def data_parallel(network: nn.Module) -> nn.Module:
    """Wrap a network in ``DistributedDataParallel``, which averages the gradients over the processes.

    A network in evaluation mode has no gradients to average and is returned unchanged. Loaded networks are in
    evaluation mode.

    Args:
        network: network on the device of this process.
    """
    if not network.training:
        return network
    device = next(network.parameters()).device
    # DINOv2 has tokens that get no gradient, hence ``find_unused_parameters``. Buffers are constants; broadcasting them
    # in each forward pass would block when processes have different numbers of batches.
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=ids, find_unused_parameters=True, broadcast_buffers=False)
