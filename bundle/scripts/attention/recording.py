"""What passes through the attention layers of one forward pass, taken by hooks under any attention implementation.

transformers 5 gives attention weights only under its eager implementation, and an *empty* tuple under the others. From
the projections of a layer they follow exactly, and so does the gradient of any output with respect to them: with the
layer's result O = A V, dy/dA = (dy/dO) V^T for each head. So fused kernels stay, and no setting of the network changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from ..networks.blocks import blocks_of
from ..networks.vit_multilabel import ViTMultilabel


@dataclass
class Layer:
    """One attention layer, (B, N, D) each.

    Attributes:
        heads: H; D = H d.
        query: projections.
        key: projections.
        value: projections.
        mixed: values mixed by the attention weights, before the output projection.
    """

    heads: int
    query: torch.Tensor = field(init=False)
    key: torch.Tensor = field(init=False)
    value: torch.Tensor = field(init=False)
    mixed: torch.Tensor = field(init=False)

    def weights(self) -> torch.Tensor:
        """Attention weights (B, H, N, N); rows sum to one."""
        query, key = self.by_head(self.query), self.by_head(self.key)
        return (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)

    def weight_gradient(self, mixed_gradient: torch.Tensor) -> torch.Tensor:
        """dy/dA (B, H, N, N), of dy/dO (B, N, D), the gradient with respect to :attr:`mixed`."""
        return self.by_head(mixed_gradient) @ self.by_head(self.value).transpose(-1, -2)

    def by_head(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, N, H d) -> (B, H, N, d), float32 and without gradient."""
        return tokens.detach().float().unflatten(-1, (self.heads, -1)).transpose(1, 2)


@dataclass
class Recording:
    """A forward pass.

    Attributes:
        layers: in their order.
        entering: (B, N, D) tokens that enter the last block, before its first normalisation.
        leaving: (B, N, D) tokens that leave it, before the final normalisation.
    """

    layers: list[Layer]
    entering: torch.Tensor = field(init=False)
    leaving: torch.Tensor = field(init=False)

    def check(self) -> None:
        """Refuse a pass that the hooks did not see.

        Raises:
            RuntimeError: nothing was recorded.
        """
        if not hasattr(self, "leaving"):
            raise RuntimeError(
                "attention: no forward pass was seen; expected one through the layers, found none; a compiled network "
                "does not see hooks that came later: explain the network before it is compiled"
            )


@contextmanager
def recording(network: ViTMultilabel) -> Iterator[Recording]:
    """While it is open, a forward pass of ``network`` is recorded; a later pass replaces an earlier one."""
    backbone, blocks = network.backbone, list(blocks_of(network.backbone))
    record = Recording([Layer(int(backbone.config.num_attention_heads)) for _ in blocks])
    hooks = [hook for block, layer in zip(blocks, record.layers, strict=True) for hook in watch(block.attention, layer)]
    hooks.append(blocks[-1].register_forward_pre_hook(lambda _, inputs: setattr(record, "entering", inputs[0])))
    hooks.append(backbone.layernorm.register_forward_pre_hook(lambda _, inputs: setattr(record, "leaving", inputs[0])))
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


def watch(attention: Any, layer: Layer) -> list[torch.utils.hooks.RemovableHandle]:
    """Hooks that fill ``layer``."""

    def keep(name: str):  # type: ignore[no-untyped-def]
        return lambda _, __, output: setattr(layer, name, output)

    named = {"query": attention.q_proj, "key": attention.k_proj, "value": attention.v_proj}
    hooks = [projection.register_forward_hook(keep(name)) for name, projection in named.items()]
    return [*hooks, attention.o_proj.register_forward_pre_hook(lambda _, inputs: setattr(layer, "mixed", inputs[0]))]


@contextmanager
def gradients(device: torch.device) -> Iterator[None]:
    """Gradients and float32, whatever mode the caller is in: half precision gradients of a logit underflow."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        yield
