"""Predictions and failures of a run as ``predictions.csv``, ``predictions.json`` and ``failures.csv``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..common.failures import Failure, write_failures
from ..evaluation.predictions import Prediction, write_predictions

logger = logging.getLogger(__name__)


def write_tables(
    output_dir: Path,
    labels: Sequence[str],
    predictions: Sequence[Prediction],
    refused: Sequence[Failure],
    unwritten: Sequence[Failure],
    *,
    model_hash: str,
) -> None:
    """Write the tables; ``failures.csv`` only where there is a failure, and none of an earlier run stays.

    Args:
        output_dir: folder.
        labels: C names.
        predictions: of films and of refused images, in the order of the inputs.
        refused: images that were not used.
        unwritten: results that films do not have.
        model_hash: SHA-256 of the weights.
    """
    write_predictions(output_dir, labels, predictions, model_hash=model_hash)
    table = output_dir / "failures.csv"
    table.unlink(missing_ok=True)
    if refused or unwritten:
        write_failures(table, [*refused, *unwritten])
    if refused:
        logger.warning("%d of %d inputs were refused; reasons in %s", len(refused), len(predictions), table)
    if unwritten:
        logger.warning("%d enhanced images or DICOM objects are missing; reasons in %s", len(unwritten), table)
