"""Records queries, keys and values of the attention layers in a forward pass, with any attention implementation.

transformers 5 returns attention weights only with its eager implementation, and an *empty* tuple with the others. Both
the weights A and the gradient of any output y with respect to them follow exactly from the projections of a layer,
whose result is O = A V: dy/dA = (dy/dO) V^T for each head. Hooks record the projections, so the network keeps its
settings and its fused kernels.
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
    """Tensors of one attention layer, (B, N, D) each.

    Attributes:
        heads: H, number of heads; D = H d.
        query: query projections.
        key: key projections.
        value: value projections.
        mixed: values averaged with the attention weights, before the output projection.
    """

    heads: int
    query: torch.Tensor = field(init=False)
    key: torch.Tensor = field(init=False)
    value: torch.Tensor = field(init=False)
    mixed: torch.Tensor = field(init=False)

    def weights(self) -> torch.Tensor:
        """Attention weights (B, H, N, N), whose rows sum to one."""
        query, key = self.by_head(self.query), self.by_head(self.key)
        return (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)

    def weight_gradient(self, mixed_gradient: torch.Tensor) -> torch.Tensor:
        """Gradient dy/dA (B, H, N, N), computed from dy/dO (B, N, D), the gradient with respect to :attr:`mixed`."""
        return self.by_head(mixed_gradient) @ self.by_head(self.value).transpose(-1, -2)

    def by_head(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, N, H d) -> (B, H, N, d), in float32 and detached from the graph."""
        return tokens.detach().float().unflatten(-1, (self.heads, -1)).transpose(1, 2)


@dataclass
class Recording:
    """Recording of a forward pass.

    Attributes:
        layers: attention layers, from first to last.
        entering: (B, N, D), tokens at the input of the last block, before its first layer norm.
        leaving: (B, N, D), tokens at the output of the last block, before the final layer norm.
    """

    layers: list[Layer]
    entering: torch.Tensor = field(init=False)
    leaving: torch.Tensor = field(init=False)

    def check(self) -> None:
        """Check that a forward pass was recorded.

        Raises:
            RuntimeError: nothing was recorded.
        """
        if not hasattr(self, "leaving"):
            raise RuntimeError(
                "attention: no forward pass was recorded; expected one through the layers, found none; a compiled "
                "network does not call hooks that are registered later: explain the network before it is compiled"
            )


@contextmanager
def recording(network: ViTMultilabel) -> Iterator[Recording]:
    """Record the latest forward pass of ``network`` inside the context."""
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
    """Register the hooks that fill ``layer``."""

    def keep(name: str):  # type: ignore[no-untyped-def]
        return lambda _, __, output: setattr(layer, name, output)

    named = {"query": attention.q_proj, "key": attention.k_proj, "value": attention.v_proj}
    hooks = [projection.register_forward_hook(keep(name)) for name, projection in named.items()]
    return [*hooks, attention.o_proj.register_forward_pre_hook(lambda _, inputs: setattr(layer, "mixed", inputs[0]))]


@contextmanager
def gradients(device: torch.device) -> Iterator[None]:
    """Enable gradients and disable autocast in the context, because half-precision gradients of a logit underflow."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        yield
