"""Records the input of the classifier's head, without a second forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from .ensemble import Ensemble, Network


@contextmanager
def head_inputs(network: Network) -> Iterator[list[torch.Tensor]]:
    """Record the input of the head in each forward pass inside the context: (B, D), or (B, C, D) for label tokens.

    Those of several networks are joined along the last axis; only those of the images as they are count, which are
    the first that each member sees in a pass.
    """
    seen: list[torch.Tensor] = []
    with ExitStack() as stack:
        if isinstance(network, Ensemble):
            parts = [stack.enter_context(head_inputs(member)) for member in network.members]

            def join(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
                batch = len(inputs[0])
                seen.append(torch.cat([torch.cat(part)[:batch] for part in parts], dim=-1))
                for part in parts:
                    part.clear()

            hook = network.mean.register_forward_pre_hook(join)
        else:
            hook = network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        stack.callback(hook.remove)
        yield seen
