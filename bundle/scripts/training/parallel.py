"""Several processes that train one network, or share the work of ``enhancing`` and ``inferring``."""

from __future__ import annotations

import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def join_processes(timeout_minutes: float) -> None:
    """Join the processes that ``torchrun`` started: NCCL with one GPU for each, gloo without GPUs.

    The GPU of a process is chosen before it sends anything, because NCCL and ignite use the current one, and without
    this all processes would use the first.

    Args:
        timeout_minutes: longest time that a process waits for the others, for example at the end of ``enhancing`` for
            a process with more work. ``torchrun`` ends all processes when one fails, whatever this time is.

    Raises:
        ValueError: there are more processes on this machine than GPUs.
    """
    timeout = timedelta(minutes=timeout_minutes)
    if "SLURM_JOB_ID" in os.environ:
        # Under SLURM ignite takes this variable for LOCAL_RANK. It is that of ``torchrun``, 0 for all its processes.
        os.environ["SLURM_LOCALID"] = os.environ["LOCAL_RANK"]
    if not torch.cuda.is_available():
        dist.init_process_group("gloo", timeout=timeout)
        return
    local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if local >= gpus:
        raise ValueError(
            f"--nproc_per_node: more processes than GPUs on this machine; expected at most {gpus}, found at least "
            f"{local + 1}; start one process for each GPU"
        )
    device = torch.device("cuda", local)
    torch.cuda.set_device(device)
    dist.init_process_group("nccl", timeout=timeout, device_id=device)


def agreed(value: float) -> float:
    """Value of rank 0, for a decision that all processes must take alike; the value itself in a single process."""
    if not dist.is_initialized():
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


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


def compiled(network: nn.Module, wanted: bool) -> nn.Module:
    """Compile a network in place with ``torch.compile``, if this is wanted; names of its weights stay the same.

    Of a network in ``DistributedDataParallel``, the network inside is compiled. A copy of a compiled network, such as
    the average of its weights, is not compiled.

    Args:
        network: network that is trained.
        wanted: the setting ``compile``.
    """
    if wanted:
        (network.module if isinstance(network, DistributedDataParallel) else network).compile()
    return network
