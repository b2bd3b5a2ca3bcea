"""One network in several processes."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def data_parallel(network: nn.Module) -> nn.Module:
    """Wrap a network that is on its device already, if it is to be trained; gradients are averaged over the processes.

    A network in evaluation mode, as every loaded one, has none to average and is returned as it is: its processes then
    share nothing but the tables at the end.

    A Vision Transformer gets no gradient in DINOv2's unused tokens, so unused parameters are looked for. Buffers
    are constants; broadcasting them in each forward pass would hang processes whose shares have different lengths.
    """
    if not network.training:
        return network
    device = next(network.parameters()).device
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=ids, find_unused_parameters=True, broadcast_buffers=False)
