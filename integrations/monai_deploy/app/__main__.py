"""MONAI Deploy application: a folder of DICOM studies in, findings and DICOM objects out.

    make deploy INPUT=STUDIES OUTPUT=RESULTS
    python integrations/monai_deploy/app -i STUDIES -o RESULTS [-m MODEL_FOLDER]     (in the environment of make deploy)

The application has two operators of its own, because those of the SDK do not suit radiographs (measured): the selector
takes the first matching series, ``DICOMSeriesToVolumeOperator`` ignores the VOI window and drops instances without
ImagePositionPatient, ``MonaiBundleInferenceOperator`` fails without an affine and assigns wrong names to the outputs of
a multilabel network, and the text report has no coded findings. ``scripts.inference.predictor`` makes the predictions,
as it does for ``predict``, ``watch`` and ``receive``.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[3] / "bundle"
sys.path[:0] = [str(BUNDLE), str(Path(__file__).parent)]

from monai.deploy.core import AppContext, Application  # noqa: E402
from operators import PredictionOperator, ResultOperator  # noqa: E402
from scripts.common.program_start import start_program  # noqa: E402


class ChestApp(Application):
    """``PredictionOperator`` (studies -> all results) -> ``ResultOperator`` (exit status)."""

    def compose(self) -> None:
        """Connect the operators."""
        context: AppContext = Application.init_app_context(self.argv)
        model = context.args.get("model")
        output = Path(context.output_path)
        self.result = ResultOperator(self, name="result")
        prediction = PredictionOperator(
            self, BUNDLE, Path(context.input_path), output, None if model is None else Path(model), name="prediction"
        )
        self.add_flow(prediction, self.result, {("failures", "failures")})


def main() -> int:
    """Return exit status 1 when an input was rejected or a result could not be written."""
    start_program()
    logging.basicConfig(level=logging.INFO)
    app = ChestApp()
    app.run()
    return 1 if app.result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
