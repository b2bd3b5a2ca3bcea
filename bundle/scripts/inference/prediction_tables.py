"""Writes ``predictions.csv``, ``predictions.json`` and ``failures.csv`` of a run."""

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
    """Write the tables; a ``failures.csv`` of an earlier run is removed, and a new one is written if anything failed.

    Args:
        output_dir: output folder.
        labels: names of the C labels.
        predictions: rows of films and of rejected images, in the order of the inputs.
        refused: images that were not used.
        unwritten: results that could not be made or written.
        model_hash: SHA-256 of the weights.
    """
    write_predictions(output_dir, labels, predictions, model_hash=model_hash)
    table = output_dir / "failures.csv"
    table.unlink(missing_ok=True)
    if refused or unwritten:
        write_failures(table, [*refused, *unwritten])
    if refused:
        logger.warning("%d of %d inputs were rejected; reasons in %s", len(refused), len(predictions), table)
    if unwritten:
        logger.warning("%d enhanced images or DICOM objects are missing; reasons in %s", len(unwritten), table)
