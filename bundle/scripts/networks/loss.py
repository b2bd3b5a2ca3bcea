"""Multilabel losses by name; each counts only what was annotated and is finite, with finite gradients, for all of it.

================  ============================================================  ==================================
name              loss of an entry                                              source
================  ============================================================  ==================================
``bce``           binary cross-entropy
``focal``         (1 - p_t)^2 times it                                          arXiv:1708.02002, eq. 4
``asl``           asymmetric: negatives weighted p_m^4, p_m = max(p - .05, 0)   arXiv:2009.14119, eq. 4-7
``pos_weight``    positives weighted (1 - prevalence) / prevalence, 0.1 to 10
``logit_adjust``  binary cross-entropy at logit + log-odds of the prevalence    arXiv:2007.07314, eq. 10
================  ============================================================  ==================================

What the logits mean after training, for a network that fits its data:

- ``bce``: log-odds. ``pos_weight``: log-odds too: weighting alone would raise every logit by log(weight), so that much
  is added inside the loss, and the network need not learn it. Nothing has to be corrected afterwards.
- ``logit_adjust``: log-odds less those of the prevalence, so that 0 is the balanced decision and the sigmoid is *not* a
  probability. A constant per label is what a head's bias absorbs: with one sigmoid per label the ranking, and with it
  the AUROC, is that of ``bce`` (tested); only the decision at 0 differs.
- ``focal`` and ``asl`` flatten or shift probabilities. Fit a calibration before they are read as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

_LARGEST_WEIGHT = 10.0


class MaskedBCEWithLogitsLoss(nn.Module):
    """Mean binary cross-entropy over annotated entries.

    Missing targets are replaced *before* the loss: masking NaN after it still gives NaN gradients.

    Args:
        prevalence: C shares in (0, 1), where the best constant answer lies; ``None``: unknown.

    Attributes:
        start: C probabilities at which the head starts, so that the first loss is that of the best constant answer
            (for ``asl`` and ``focal``: of the prevalence); ``None`` when the prevalence is unknown.
    """

    def __init__(self, prevalence: Sequence[float] | None = None) -> None:
        super().__init__()
        self.start = None if prevalence is None else list(prevalence)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of a batch.

        Args:
            logits: (B, C).
            targets: (B, C) in [0, 1]; NaN not annotated, -1 uncertain: neither counts.

        Returns:
            Scalar; 0 (with zero gradients) when nothing is annotated.
        """
        annotated = targets >= 0  # false for NaN too
        losses = self.entries(logits.float(), torch.where(annotated, targets, 0.0))
        return (losses * annotated).sum() / annotated.sum().clamp(min=1)

    def entries(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(B, C) losses of (B, C) float32 logits and complete targets."""
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


class AsymmetricLoss(MaskedBCEWithLogitsLoss):
    """Asymmetric loss; with equal exponents and no margin it is the focal loss.

    Args:
        prevalence: as in the base class.
        gamma_positive: exponent of (1 - p) for positives; 0, or at least 1 (below, the gradient is infinite at p = 1).
        gamma_negative: exponent of p_m for negatives, likewise.
        margin: m in [0, 1); negatives of a probability below it cost nothing.

    Raises:
        ValueError: an exponent or margin outside these ranges.
    """

    def __init__(
        self,
        prevalence: Sequence[float] | None = None,
        gamma_positive: float = 0.0,
        gamma_negative: float = 4.0,
        margin: float = 0.05,
    ) -> None:
        super().__init__(prevalence)
        for name, gamma in (("gamma_positive", gamma_positive), ("gamma_negative", gamma_negative)):
            if gamma != 0 and not gamma >= 1:
                raise ValueError(
                    f"{name}: outside its range; expected 0, or 1 and more, found {gamma}; set --loss_options"
                )
        if not 0 <= margin < 1:
            raise ValueError(f"margin: outside its range; expected 0 <= margin < 1, found {margin}; set --loss_options")
        self.gamma_positive, self.gamma_negative, self.margin = gamma_positive, gamma_negative, margin

    def entries(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(B, C) losses; the logarithms are taken of logits, so that none is of zero."""
        absent = torch.sigmoid(-logits)  # 1 - p
        positive = absent**self.gamma_positive * -F.logsigmoid(logits)
        shifted = (1 - absent - self.margin).clamp(min=0)  # p_m
        # log(1 - p_m); below the margin p_m = 0, and so is its logarithm.
        log_absent = torch.log((absent + self.margin).clamp(max=1)) if self.margin else F.logsigmoid(-logits)
        negative = shifted**self.gamma_negative * -log_absent
        return targets * positive + (1 - targets) * negative


class PositiveWeightLoss(MaskedBCEWithLogitsLoss):
    """Binary cross-entropy with weighted positives, at logits raised by log(weight): the network's stay log-odds.

    Args:
        prevalence: C shares in (0, 1); the weights are their odds against, clipped to [0.1, 10].
    """

    def __init__(self, prevalence: Sequence[float]) -> None:
        super().__init__(prevalence)
        share = torch.tensor(prevalence, dtype=torch.float32)
        self.weight = ((1 - share) / share).clamp(1 / _LARGEST_WEIGHT, _LARGEST_WEIGHT)  # (C,)

    def entries(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(B, C) losses."""
        weight = self.weight.to(logits)
        raised = logits + weight.log()
        return F.binary_cross_entropy_with_logits(raised, targets, pos_weight=weight, reduction="none")


class LogitAdjustedLoss(MaskedBCEWithLogitsLoss):
    """Binary cross-entropy at logits plus ``tau`` times the log-odds of the prevalence, which inference leaves out.

    Args:
        prevalence: C shares in (0, 1).
        tau: 1 makes a logit of 0 the balanced decision; 0 is ``bce``.
    """

    def __init__(self, prevalence: Sequence[float], tau: float = 1.0) -> None:
        odds = torch.logit(torch.tensor(prevalence, dtype=torch.float64))
        super().__init__(torch.sigmoid((1 - tau) * odds).tolist())
        self.adjustment = tau * odds  # (C,)

    def entries(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(B, C) losses."""
        return super().entries(logits + self.adjustment.to(logits), targets)


def make_loss(
    name: str, prevalence: Sequence[float], options: Mapping[str, Any] | None = None
) -> MaskedBCEWithLogitsLoss:
    """Loss by its name in the configuration.

    Args:
        name: ``bce``, ``asl``, ``focal``, ``pos_weight`` or ``logit_adjust``.
        prevalence: C shares in (0, 1) of positives in training.
        options: other values of the arguments of that loss.

    Raises:
        ValueError: unknown name, or an option that the loss does not have.
    """
    kinds: dict[str, tuple[type[MaskedBCEWithLogitsLoss], dict[str, Any]]] = {
        "bce": (MaskedBCEWithLogitsLoss, {}),
        "asl": (AsymmetricLoss, {"gamma_positive": 0.0, "gamma_negative": 4.0, "margin": 0.05}),
        "focal": (AsymmetricLoss, {"gamma_positive": 2.0, "gamma_negative": 2.0, "margin": 0.0}),
        "pos_weight": (PositiveWeightLoss, {}),
        "logit_adjust": (LogitAdjustedLoss, {"tau": 1.0}),
    }
    if name not in kinds:
        raise ValueError(
            f"loss_name: not known; expected one of {', '.join(kinds)}, found {name!r}; set --loss_name bce"
        )
    kind, defaults = kinds[name]
    unknown = sorted(set(options or {}) - set(defaults))
    if unknown:
        known = ", ".join(defaults) or "none"
        raise ValueError(f"loss_options: {name} has no {', '.join(unknown)}; expected only {known}; remove it")
    return kind(prevalence, **{**defaults, **(options or {})})
