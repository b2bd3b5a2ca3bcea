"""Evaluation of one model, and comparison of two, in the order of the flow.

``predictions``         predictions.csv and predictions.json
``calibrated_metrics``  metrics of calibrated probabilities and of decisions
``subgroups``           metrics by sex, age, view and source
``comparison``          base model against re-trained model, with a verdict in words
``evaluate``            logits -> result files of one model; two result folders -> comparison.json
``evaluation_handler``  engine handler that calls ``evaluate`` after the test split
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(__name__, evaluate="compare write_evaluation")
