"""Multilabel losses by name. Each averages over the annotated entries only; its values and gradients are finite.

================  ============================================================  ==================================
name              loss of an entry                                              source
================  ============================================================  ==================================
``bce``           binary cross-entropy
``focal``         (1 - p_t)^2 times the cross-entropy                           arXiv:1708.02002, eq. 4
``asl``           asymmetric: negatives weighted p_m^4, p_m = max(p - .05, 0)   arXiv:2009.14119, eq. 4-7
``pos_weight``    positives weighted (1 - prevalence) / prevalence, 0.1 to 10
``logit_adjust``  binary cross-entropy at logit + log-odds of the prevalence    arXiv:2007.07314, eq. 10
================  ============================================================  ==================================

Meaning of the logits after training, for a network that fits its data:

- ``bce``: log-odds.
- ``pos_weight``: log-odds as well. Weighting alone would raise every logit by log(weight); the loss adds this amount
  itself, so the network need not learn it and nothing has to be corrected afterwards.
- ``logit_adjust``: log-odds minus those of the prevalence. A logit of 0 is then the balanced decision, and the sigmoid
  is *not* a probability. The bias of the head absorbs a constant per label, so with one sigmoid per label the ranking,
  and therefore the AUROC, is that of ``bce`` (tested); only the decision at 0 differs.
- ``focal`` and ``asl``: flattened or shifted log-odds. Calibrate them before reading the sigmoid as a probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ..common.choices import check_choice, check_keys
from ..common.printable import quoted

_LARGEST_WEIGHT = 10.0


class MaskedBCEWithLogitsLoss(nn.Module):
    """Mean binary cross-entropy over annotated entries.

    Missing targets are replaced *before* the loss: masking NaN after it still gives NaN gradients.

    Args:
        prevalence: prevalence of each of the C labels in training, in (0, 1); ``None`` if unknown.

    Attributes:
        start: C probabilities at which the head starts, so that the first loss is that of the best constant prediction
            (for ``asl`` and ``focal``: of predicting the prevalence); ``None`` if the prevalence is unknown.
    """

    def __init__(self, prevalence: Sequence[float] | None = None) -> None:
        super().__init__()
        self.start = None if prevalence is None else list(prevalence)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of a batch.

        Args:
            logits: (B, C).
            targets: (B, C) in [0, 1]; NaN (not annotated) and -1 (uncertain) do not count.

        Returns:
            Scalar; 0, with zero gradients, if nothing is annotated.
        """
        annotated = targets >= 0  # false for NaN too
        losses = self.entries(logits.float(), torch.where(annotated, targets, 0.0))
        return (losses * annotated).sum() / annotated.sum().clamp(min=1)

    def entries(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(B, C) losses of (B, C) float32 logits and complete targets."""
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


class AsymmetricLoss(MaskedBCEWithLogitsLoss):
    """Asymmetric loss; with equal exponents and a margin of 0 it is the focal loss.

    Args:
        prevalence: see the base class.
        gamma_positive: exponent of (1 - p) for positives; 0, or at least 1, because the gradient at p = 1 is infinite
            in between.
        gamma_negative: exponent of p_m for negatives; 0, or at least 1.
        margin: m in [0, 1); negatives with a probability below m have zero loss.

    Raises:
        ValueError: if an exponent or the margin is out of range.
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
        """(B, C) losses; the logarithms are computed from the logits, so that none is of zero."""
        absent = torch.sigmoid(-logits)  # 1 - p
        positive = absent**self.gamma_positive * -F.logsigmoid(logits)
        shifted = (1 - absent - self.margin).clamp(min=0)  # p_m
        # log(1 - p_m); below the margin p_m = 0, and so is its logarithm.
        log_absent = torch.log((absent + self.margin).clamp(max=1)) if self.margin else F.logsigmoid(-logits)
        negative = shifted**self.gamma_negative * -log_absent
        return targets * positive + (1 - targets) * negative


class PositiveWeightLoss(MaskedBCEWithLogitsLoss):
    """Binary cross-entropy with weighted positives, at logits raised by log(weight), so that logits stay log-odds.

    Args:
        prevalence: C prevalences p in (0, 1); the weights are (1 - p) / p, clipped to [0.1, 10].
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
        prevalence: C prevalences in (0, 1).
        tau: strength of the adjustment; 1 makes a logit of 0 the balanced decision, 0 gives ``bce``.
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
    """Create a loss by its name in the configuration.

    Args:
        name: ``bce``, ``asl``, ``focal``, ``pos_weight`` or ``logit_adjust``.
        prevalence: C prevalences in the training split, in (0, 1).
        options: arguments of the loss that replace its defaults, for example ``{"margin": 0.1}``.

    Raises:
        ValueError: if the name is unknown, or the loss has no such option.
    """
    kinds: dict[str, tuple[type[MaskedBCEWithLogitsLoss], dict[str, Any]]] = {
        "bce": (MaskedBCEWithLogitsLoss, {}),
        "asl": (AsymmetricLoss, {"gamma_positive": 0.0, "gamma_negative": 4.0, "margin": 0.05}),
        "focal": (AsymmetricLoss, {"gamma_positive": 2.0, "gamma_negative": 2.0, "margin": 0.0}),
        "pos_weight": (PositiveWeightLoss, {}),
        "logit_adjust": (LogitAdjustedLoss, {"tau": 1.0}),
    }
    check_choice("loss_name", name, kinds)
    kind, defaults = kinds[name]
    check_keys(f"loss_options of {name}", options or {}, defaults)
    for key, value in (options or {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"loss_options: {key}: expected a number, found {quoted(value)}; correct --loss_options")
    return kind(prevalence, **{**defaults, **(options or {})})
