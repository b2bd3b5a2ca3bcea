"""Resized images -> logits, attention maps and features, in one forward pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..attention import Attention
from ..attention.output import AttentionOutput
from ..networks.ensemble import Network, members_seen
from ..networks.head_inputs import head_inputs

if TYPE_CHECKING:
    from ignite.engine import Engine


@dataclass(frozen=True)
class Classified:
    """Outputs of the network for a batch, on the CPU; those of one image have no axis B.

    Attributes:
        logits: (B, C) float32, one per label.
        explained: maps in the patch grid, from which regions are chosen; those of one image are a batch of one. Its
            logits are those of the network that the maps come from.
        features: (B, D) input of the head, in which novelty is measured.
        member_logits: (B, K, C) of K networks that predict as one, else ``None``.
    """

    logits: torch.Tensor
    explained: AttentionOutput
    features: torch.Tensor
    member_logits: torch.Tensor | None = None

    def rows(self) -> Iterator[Classified]:
        """Yield the outputs of each image."""
        for number in range(len(self.logits)):
            members = None if self.member_logits is None else self.member_logits[number]
            explained = self.explained.of_image(number)
            yield Classified(self.logits[number], explained, self.features[number], members)


class Classifier:
    """Network, inferer and attention method of ``inference.yaml``.

    Args:
        network: network on ``device``, in evaluation mode.
        attention: attention method, bound to ``network``.
        inferer: runs the network at its precision.
        device: device that images are moved to.
    """

    def __init__(
        self,
        network: Network,
        attention: Attention,
        inferer: Callable[..., torch.Tensor],
        device: torch.device | str,
    ) -> None:
        self.network, self.attention, self.inferer, self.device = network, attention, inferer, device
        self.lock = threading.Lock()  # the hooks of ``attention`` record the passes of every thread

    def step(self, engine: Engine, batch: dict[str, Any]) -> dict[str, Any]:
        """Classify a batch; the ``iteration_update`` of a MONAI engine.

        Returns:
            ``image``; ``pred``, logits (B, C), NaN for a film that the network fails on; ``parts``, see :meth:`parts`.
        """
        parts = list(self.parts(batch))
        unknown = torch.full((1, self.network.num_labels), torch.nan)
        logits = [unknown if isinstance(found, Exception) else found.logits for _, found in parts]
        return {"image": batch["image"], "pred": torch.cat(logits), "parts": parts}

    def parts(self, batch: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Classified | Exception]]:
        """Yield a batch with its outputs; if the network fails on it, each film with its outputs or its error."""
        found: Classified | Exception
        try:
            found = self(batch["image"], batch["source"])
        except Exception as error:
            found = error
        films = len(batch["index"])
        if films == 1 or not isinstance(found, Exception):
            yield batch, found
            return
        for number in range(films):  # one film may have failed, and not the others
            yield from self.parts({key: batch[key][number : number + 1] for key in batch})

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, sources: Sequence[torch.Tensor] = ()) -> Classified:
        """Classify images (B, 1, S, S) in [0, 1]; ``sources``, at full size, are for networks that read crops."""
        outputs = []

        def explain(batch: torch.Tensor) -> torch.Tensor:
            outputs.append(self.attention(batch))
            return outputs[0].logits

        with self.lock, head_inputs(self.network) as features, members_seen(self.network) as members:
            logits = self.inferer(images.to(self.device), explain).float()
        (output,) = outputs
        return Classified(
            logits.cpu(),
            output.on_cpu(),
            torch.cat(features)[: len(images)].float().cpu(),  # a method may split the batch, or pass again afterwards
            torch.cat(members).cpu() if members else None,
        )
