import numpy as np
from scripts.calibration.calibration_file import Calibration, LabelCalibration
from scripts.calibration.spread import member_spread


def test_the_spread_is_the_standard_deviation_of_the_probabilities():
    probabilities = np.array([[[0.2, 0.5], [0.4, 0.5], [0.6, 0.5]]])  # (1, 3, 2)
    logits = np.log(probabilities / (1 - probabilities))
    np.testing.assert_allclose(member_spread(logits), [[0.2, 0.0]], atol=1e-12)


def test_the_spread_of_calibrated_probabilities_is_on_their_scale():
    calibration = Calibration({"a": LabelCalibration(2.0, 1.0, 0.5, "platt")}, "", "youden")
    logits = np.array([[[-1.0], [0.5]]])
    expected = np.std(1 / (1 + np.exp(-(2 * logits[0, :, 0] + 1))), ddof=1)
    np.testing.assert_allclose(member_spread(logits, calibration), [[expected]])
