"""Measure, compare and report, in this order (light: torch, MONAI and matplotlib load where they are used).

``curves``             ROC, precision–recall, reliability and calibration error of one label
``bootstrap``          95 % intervals, drawn by patient
``macro``              averages over labels, and all intervals
``metrics``            masked metrics of one model -> metrics.json
``operating_points``   thresholds by policy, and what decisions are worth
``masked_auroc``       the same AUROC as MONAI metric and handler, for training and evaluation engines
``scale``              logits to probabilities
``calibration``        thresholds.json beside the weights: written, read, applied
``calibration_fitting``   temperature or Platt scaling of each label, from the validation split
``novelty``            how unlike the training images an image is: novelty.safetensors
``collecting``         images -> logits, targets, features
``calibrating``        the workflow that writes both files
``calibrated_metrics`` calibrated figures for metrics.json
``subgroups``          figures by sex, age band, view and source
``delong``             paired DeLong test, Holm's correction
``comparison``         base against re-trained model, with the verdict in words
``predictions``        predictions.csv, predictions.json
``evaluate``           logits -> result files; two result folders -> comparison.json
``handler``            engine handler that calls ``evaluate`` after the test split
``localisation``       are attention maps where the findings are?
``figures``            canvas, colours, PNG and data: URI (matplotlib)
``label_figures``      ROC, precision–recall and reliability curves, a panel for each label
``chart_figures``      training, positives per label, fidelity, subgroups
``image_figures``      attention over a radiograph, the crops of a region
``gather``             a run folder -> what the report needs
``super_resolution``   its part on enhancers against a known truth
``report_tables``      its rows on epochs, classes and fidelity
``report_figures``     its figures, as data: URIs
``report_format``      templates of the reports, and how they write numbers
``report``             report.html, one self-contained file
"""

from .evaluate import compare, write_evaluation
from .metrics import metrics_report

__all__ = ["compare", "metrics_report", "write_evaluation"]
