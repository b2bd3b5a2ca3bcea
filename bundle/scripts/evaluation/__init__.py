"""Measure, compare and report, in this order (light: torch, MONAI and matplotlib load where they are used).

``metrics``        masked metrics of one model -> metrics.json
``curves``         ROC, precision–recall, calibration of one label
``bootstrap``      95 % intervals, drawn by patient
``masked_auroc``   the same AUROC as MONAI metric and handler, for training and evaluation engines
``delong``         paired DeLong test, Holm's correction
``comparison``     base against re-trained model, with the verdict in words
``predictions``    predictions.csv, predictions.json
``evaluate``       logits -> result files; two result folders -> comparison.json
``handler``        engine handler that calls ``evaluate`` after the test split
``figures``        curves, histograms and panels (matplotlib)
``gather``         a run folder -> what the report needs
``report``         report.html, one self-contained file
"""

from .evaluate import compare, write_evaluation
from .metrics import metrics_report

__all__ = ["compare", "metrics_report", "write_evaluation"]
