"""Predictions for new studies, in the order of the flow.

``inputs``    files and folders -> candidate images
``studies``   candidates -> readable chest films, refusals recorded
``handler``   logits and attention -> predictions.csv, predictions.json, overlays, enhanced images, failures.csv
``record``    run_report.json and MLflow
"""

from .handler import PredictionHandler
from .inputs import find_images
from .record import InferenceRecord
from .studies import StudyImages, collate

__all__ = ["InferenceRecord", "PredictionHandler", "StudyImages", "collate", "find_images"]
