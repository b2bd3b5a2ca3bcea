"""Predictions for new studies, in the order of the flow.

``inputs``         files, folders and zip archives -> candidate images, by study
``studies``        candidates -> one readable chest film of each study, refusals recorded
``dicom_results``  one image's results -> DICOM objects
``handler``        logits and attention -> predictions.csv, predictions.json, overlays, enhanced images, failures.csv
``record``         run_report.json and MLflow
"""

from .handler import PredictionHandler
from .inputs import find_images
from .record import InferenceRecord
from .studies import StudyImages, collate

__all__ = ["InferenceRecord", "PredictionHandler", "StudyImages", "collate", "find_images"]
