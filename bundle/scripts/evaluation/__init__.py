"""Evaluation of one model, and comparison of two, in the order of the flow.

``predictions``         predictions.csv and predictions.json
``calibrated_metrics``  metrics of calibrated probabilities and of decisions
``subgroups``           metrics by sex, age, view and source
``evaluate``            logits -> result files of one model
``seed_folders``        output folders of several trainings, and whether they can be compared
``seed_verdict``        what a comparison shows, in words
``disagreement``        films on which two models disagree most
``comparison``          base model against re-trained model, over seeds and patients
``comparison_table``    the comparison as a text table
``disagreement_maps``   pictures of these films, with the maps of both models
``comparing``           two result folders -> comparison.json and its MLflow run
``evaluation_handler``  engine handler that calls ``evaluate`` after the test split
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(__name__, comparing="compare", evaluate="write_evaluation")
