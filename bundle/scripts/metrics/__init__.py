"""Metrics as pure functions of labels and scores, in the order of the flow.

``curves``            ROC, precision-recall, reliability and calibration error of one label
``bootstrap``         95 % intervals, drawn by patient
``macro``             averages over labels, and intervals of everything
``classification``    masked metrics of one model, as metrics.json has them
``operating_points``  thresholds by policy, and what decisions at them are worth
``delong``            paired DeLong test, Holm's correction
``masked_auroc``      the same AUROC as MONAI metric and handler, for the engines
"""
