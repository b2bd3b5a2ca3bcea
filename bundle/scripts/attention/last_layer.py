"""Last-layer CLS attention (paper: Methodology 2, "12 layer") of any ViT-family network.

transformers 5 returns *empty* attentions under its default attention, and eager attention everywhere gives up the fused
kernels. Here two hooks take the query and key projections of one layer, and only the CLS row is computed from them:
equal to the framework's eager attention to 1e-6, at the cost of the plain forward pass.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import nn

from ..networks.blocks import blocks_of
from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput


class LastLayerCLSAttention:
    """Context manager: while it is open, every forward pass of ``network`` leaves its map in :attr:`maps`.

    A network that was compiled before the context was opened runs without its hooks, and asking for the map is then an
    error; compile :class:`WithAttention` instead.

    Args:
        network: the classifier.
    """

    def __init__(self, network: ViTMultilabel) -> None:
        self.network = network
        last: Any = blocks_of(network.backbone)[-1]
        self.query, self.key = last.attention.q_proj, last.attention.k_proj
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
        """(B, h, w) attention of the CLS token to the patches in the latest forward pass, mean of the heads.

        A map sums to one less what CLS pays to itself and to register tokens.

        Raises:
            RuntimeError: no forward pass yet.
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
    """Network that returns its map beside its logits: what to compile or to export, since its hooks come first.

    Args:
        network: the classifier.
    """

    def __init__(self, network: ViTMultilabel) -> None:
        super().__init__()
        self.network = network
        self.attention = LastLayerCLSAttention(network).__enter__()

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w)."""
        logits = self.network(image)
        return logits, self.attention.maps


class LastCLS:
    """:class:`LastLayerCLSAttention` as a method: one map for all labels.

    Args:
        network: the classifier, in evaluation mode.
    """

    name, per_label = "last_cls", False

    def __init__(self, network: ViTMultilabel) -> None:
        self.network = network

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w)."""
        return AttentionOutput(*attention_maps(self.network, image))


@torch.inference_mode()
def attention_maps(network: ViTMultilabel, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and maps of a batch.

    Args:
        network: in evaluation mode.
        images: (B, 1, S, S) in [0, 1].

    Returns:
        Logits (B, C) and maps (B, h, w).
    """
    with LastLayerCLSAttention(network) as attention:
        return network(images), attention.maps


def check_map(attention_map: torch.Tensor) -> str | None:
    """Why a map cannot choose regions: ``not finite``, ``constant``, or ``None`` when it can.

    Args:
        attention_map: (h, w).
    """
    if not torch.isfinite(attention_map).all():
        return "not finite"
    low, high = attention_map.min(), attention_map.max()
    # Flatter than rounding noise of the softmax.
    return "constant" if high - low <= 1e-5 * high.abs() else None
