"""Predictions for new studies, in the order of the flow.

``inputs``               files, folders and zip archives -> candidate images, by study
``study_images``         candidates -> one readable chest film of each study; rejections recorded
``classifier``           resized images -> logits, maps, features
``zoom_classifier``      classifier for a network that also reads crops
``openvino_classifier``  classifier compiled by OpenVINO
``study_prediction``     results for one study
``analysis``             film, logits and map -> probabilities, decisions, regions, enhanced image
``gallery``              predictions.html
``dicom_results``        prediction -> DICOM objects
``outputs``              prediction -> attention overlay, enhanced image, DICOM objects
``prediction_tables``    predictions -> predictions.csv, predictions.json, failures.csv
``result_folder``        all files and tables of one run
``prediction_handler``   handler of the engine of the workflow ``inferring``
``inference_record``     run_report.json and the MLflow run
``predictor``            ``Predictor``: a loaded model that predicts studies
"""

from .analysis import FilmAnalysis
from .classifier import Classifier
from .inference_record import InferenceRecord
from .inputs import find_images
from .openvino_classifier import make_classifier
from .prediction_handler import PredictionHandler
from .predictor import Predictor
from .study_images import StudyImages, collate
from .study_prediction import StudyPrediction

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
