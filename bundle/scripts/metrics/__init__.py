"""Metrics as pure functions of labels and scores, in the order of the flow.

``curves``            ROC, precision-recall, reliability and calibration error of one label
``bootstrap``         95 % intervals, drawn by patient
``macro``             macro averages, and the intervals of every metric
``classification``    masked metrics of one model, as metrics.json has them
``operating_points``  thresholds by policy, and metrics of the decisions at them
``delong``            paired DeLong test, Holm's correction
``seed_interval``     difference of two models over the seeds of their training and over patients
``masked_auroc``      the same AUROC as a MONAI metric and handler, for the engines
"""
