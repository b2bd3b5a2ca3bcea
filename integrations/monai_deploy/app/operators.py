"""The operators of the application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai.deploy.conditions import CountCondition
from monai.deploy.core import Fragment, Operator, OperatorSpec
from scripts.inference.prediction_tables import write_tables
from scripts.inference.predictor import Predictor


class PredictionOperator(Operator):
    """Every study below a folder -> predictions, with SR, SEG, SC and enhanced image in ``output/dicom``.

    Output ``predictions``: (``Predictor``, list of ``StudyPrediction``).

    Args:
        fragment: the application.
        bundle: folder with ``configs/`` and ``models/``.
        studies: folder of DICOM studies; also one file or a zip archive.
        output: folder of the results.
        model_dir: folder that training wrote; ``None``: the shipped model.
    """

    def __init__(
        self, fragment: Fragment, bundle: Path, studies: Path, output: Path, model_dir: Path | None, **names: str
    ) -> None:
        self.studies, self.output = studies, output
        self.predictor = Predictor.from_bundle(bundle, model_dir=model_dir)
        super().__init__(fragment, CountCondition(fragment, 1), **names)  # an operator without input runs for ever

    def setup(self, spec: OperatorSpec) -> None:
        """One output."""
        spec.output("predictions")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Predict."""
        predictions = self.predictor.predict([self.studies], self.output, dicom=True)
        op_output.emit((self.predictor, predictions), "predictions")


class ResultOperator(Operator):
    """Predictions -> ``predictions.csv``, ``predictions.json``, ``failures.csv``.

    Args:
        fragment: the application.
        output: folder of the results.

    Attributes:
        failed: whether an input was refused or a result could not be written.
    """

    def __init__(self, fragment: Fragment, output: Path, **names: str) -> None:
        self.output, self.failed = output, False
        super().__init__(fragment, **names)

    def setup(self, spec: OperatorSpec) -> None:
        """One input."""
        spec.input("predictions")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Write the tables."""
        predictor, predictions = op_input.receive("predictions")
        weights = predictor.analysis.algorithm.weights_sha256
        failures = [failure for prediction in predictions for failure in prediction.failures]
        rows = [prediction.row() for prediction in predictions]
        write_tables(self.output, predictor.labels, rows, failures, [], model_hash=weights)
        self.failed = bool(failures)
