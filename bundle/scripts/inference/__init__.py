"""Predictions for new studies, in the order of the flow.

``inputs``         files, folders and zip archives -> candidate images, by study
``studies``        candidates -> one readable chest film of each study, refusals recorded
``classifier``     fitted images -> logits, maps, features; also ``openvino_classifier`` and ``zoom_classifier``
``analysis``       film, logits and map -> ``prediction``: probabilities, decisions, regions, enhanced image
``outputs``        prediction -> attention overlay, enhanced image and, by ``dicom_results``, DICOM objects
``tables``         predictions -> predictions.csv, predictions.json, failures.csv
``handler``        all of it for the engine of the workflow ``inferring``
``record``         run_report.json and MLflow
``predictor``      all of it as one function, for programs
"""

from .analysis import FilmAnalysis
from .classifier import Classifier
from .handler import PredictionHandler
from .inputs import find_images
from .openvino_classifier import make_classifier
from .prediction import StudyPrediction
from .predictor import Predictor
from .record import InferenceRecord
from .studies import StudyImages, collate

__all__ = [
    "Classifier",
    "FilmAnalysis",
    "InferenceRecord",
    "PredictionHandler",
    "Predictor",
    "StudyImages",
    "StudyPrediction",
    "collate",
    "find_images",
    "make_classifier",
]
