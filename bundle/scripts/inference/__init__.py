"""Predictions for new studies, in the order of the flow.

``inputs``    files and folders -> candidate images
``studies``   candidates -> readable chest films, refusals recorded
``handler``   logits and attention -> predictions.csv, predictions.json, overlays, enhanced images, failures.csv
"""

from .handler import PredictionHandler
from .inputs import find_images
from .studies import StudyImages, collate

__all__ = ["PredictionHandler", "StudyImages", "collate", "find_images"]
