"""The operators of the application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai.deploy.conditions import CountCondition
from monai.deploy.core import Fragment, Operator, OperatorSpec
from scripts.common.atomic import check_output_folder
from scripts.inference.predictor import Predictor


class PredictionOperator(Operator):
    """Predicts every study below a folder, and writes tables, overlays, enhanced images and DICOM objects.

    The output ``failures`` is the list of rows of ``failures.csv``.

    Args:
        fragment: the application.
        bundle: folder with ``configs/`` and ``models/``.
        studies: folder of DICOM studies, one file or a zip archive.
        output: folder of the results; DICOM objects go to ``output/dicom``.
        model_dir: folder that training wrote; ``None``: the shipped model.
    """

    def __init__(
        self, fragment: Fragment, bundle: Path, studies: Path, output: Path, model_dir: Path | None, **names: str
    ) -> None:
        check_output_folder(output)  # before the model is loaded
        self.studies, self.output = studies, output
        self.predictor = Predictor.from_bundle(bundle, model_dir=model_dir)
        super().__init__(fragment, CountCondition(fragment, 1), **names)  # runs once; without input it would not end

    def setup(self, spec: OperatorSpec) -> None:
        """Declare the output."""
        spec.output("failures")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Predict all studies and emit the failures."""
        results = self.predictor.predict_to_folder([self.studies], self.output, dicom=True)
        op_output.emit(results.failures, "failures")


class ResultOperator(Operator):
    """Keeps whether the application succeeded, for the exit status.

    Args:
        fragment: the application.

    Attributes:
        failed: whether an input was rejected or a result could not be written.
    """

    def __init__(self, fragment: Fragment, **names: str) -> None:
        self.failed = False
        super().__init__(fragment, **names)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare the input."""
        spec.input("failures")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Receive the failures."""
        self.failed = bool(op_input.receive("failures"))
