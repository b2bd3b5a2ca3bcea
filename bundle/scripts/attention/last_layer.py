"""Last-layer CLS attention (paper: Methodology 2, "12 layer") of any ViT-family network.

transformers 5 returns *empty* attentions under its default implementation, and eager attention in every layer gives up
the fused kernels. Here, two hooks record the query and key projections of the last layer, and only the CLS row of the
attention is computed from them. The result equals the framework's eager attention to 1e-6, at the cost of a plain
forward pass.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import nn

from ..networks.blocks import blocks_of
from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput


class LastLayerCLSAttention:
    """Context manager that records the attention map of each forward pass of a network.

    Inside the context, :attr:`maps` holds the map of the latest pass. A network that was compiled before the context
    was opened does not call the hooks, and :attr:`maps` then raises an error; compile :class:`WithAttention` instead.

    Args:
        network: classifier to observe.
        layer: layer to observe, from 1; ``None`` for the last one.

    Raises:
        ValueError: the network does not have the layer.
    """

    def __init__(self, network: ViTMultilabel, layer: int | None = None) -> None:
        self.network = network
        blocks = blocks_of(network.backbone)
        if layer is not None and not 1 <= layer <= len(blocks):
            raise ValueError(f"attention_layer: expected 1 to {len(blocks)}, found {layer}; set one that it has")
        observed: Any = blocks[-1 if layer is None else layer - 1]
        self.query, self.key = observed.attention.q_proj, observed.attention.k_proj
        self.heads = int(network.backbone.config.num_attention_heads)
        self.projected: dict[str, torch.Tensor] = {}
        self.handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> LastLayerCLSAttention:
        for name, module in (("query", self.query), ("key", self.key)):
            self.handles.append(module.register_forward_hook(self.keep(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self.handles:
            self.handles.pop().remove()

    def keep(self, name: str):  # type: ignore[no-untyped-def]
        """Forward hook that stores the output (B, N, D) of a projection."""

        def hook(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            self.projected[name] = output.detach()

        return hook

    @property
    def maps(self) -> torch.Tensor:
        """Attention of the CLS token to the patches in the latest forward pass, averaged over the heads, (B, h, w).

        A map sums to one minus the attention of the CLS token to itself and to the register tokens.

        Raises:
            RuntimeError: if no forward pass was recorded.
        """
        if not self.projected:
            raise RuntimeError(
                "attention: no forward pass was seen; expected one inside the context, found none; a compiled network "
                "does not see hooks that came later: compile WithAttention(network)"
            )
        query, key = self.projected["query"].float(), self.projected["key"].float()  # (B, N, D)
        batch, tokens, width = key.shape
        query = query[:, :1].view(batch, 1, self.heads, -1).transpose(1, 2)  # CLS row only: (B, heads, 1, d)
        key = key.view(batch, tokens, self.heads, -1).transpose(1, 2)  # (B, heads, N, d)
        # Autocast would compute this product in bf16 whatever its inputs are: 1.7 % off (measured).
        with torch.autocast(query.device.type, enabled=False):
            scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5  # (B, heads, 1, N)
        attention = scores.softmax(dim=-1).mean(dim=1)[:, 0]  # (B, N)
        rows, columns = self.network.patch_grid
        return attention[:, -rows * columns :].reshape(batch, rows, columns)


class WithAttention(nn.Module):
    """Network that returns its attention map beside its logits.

    Compile or export this module, because its hooks are registered before compilation.

    Args:
        network: the classifier.
    """

    def __init__(self, network: ViTMultilabel) -> None:
        super().__init__()
        self.network = network
        self.attention = LastLayerCLSAttention(network).__enter__()

    def remove_hooks(self) -> None:
        """Take the hooks from the network again, once this module is compiled or exported; its maps end with them."""
        self.attention.__exit__(None, None, None)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w)."""
        logits = self.network(image)
        return logits, self.attention.maps


class LastCLS:
    """:class:`LastLayerCLSAttention` as a method: one map for all labels.

    Args:
        network: the classifier, in evaluation mode.
        layer: layer whose attention is the map, from 1; ``None`` for the last one.

    Raises:
        ValueError: the network does not have the layer.
    """

    name, per_label = "last_cls", False

    def __init__(self, network: ViTMultilabel, layer: int | None = None) -> None:
        self.network, self.layer = network, layer
        LastLayerCLSAttention(network, layer)  # rejects a layer that the network does not have
        if layer is not None:
            self.name = f"last_cls, layer {layer}"  # a data set enhanced with the maps of another layer is another one

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w)."""
        return AttentionOutput(*attention_maps(self.network, image, self.layer))


@torch.inference_mode()
def attention_maps(
    network: ViTMultilabel, images: torch.Tensor, layer: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits and the CLS attention of one layer for a batch.

    Args:
        network: classifier in evaluation mode.
        images: (B, 1, S, S) in [0, 1].
        layer: layer, from 1; ``None`` for the last one.

    Returns:
        Logits (B, C) and maps (B, h, w).

    Raises:
        ValueError: the network does not have the layer.
    """
    with LastLayerCLSAttention(network, layer) as attention:
        return network(images), attention.maps


@torch.inference_mode()
def layer_maps(network: ViTMultilabel, images: torch.Tensor) -> torch.Tensor:
    """Return the CLS attention of every layer for a batch, as the paper's Figure 2 may show it ("12 layer").

    Args:
        network: classifier in evaluation mode.
        images: (B, 1, S, S) in [0, 1].

    Returns:
        Maps (B, L, h, w), from the first layer to the last.
    """
    with ExitStack() as stack:
        count = len(blocks_of(network.backbone))
        layers = [stack.enter_context(LastLayerCLSAttention(network, layer + 1)) for layer in range(count)]
        network(images)
        return torch.stack([layer.maps for layer in layers], dim=1)
