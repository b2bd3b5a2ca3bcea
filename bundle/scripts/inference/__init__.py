"""Predictions for new studies, in the order of the flow.

``inputs``               files, folders and zip archives -> candidate images, by study
``film_preprocessing``   file -> image for the network, and film at full size
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

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    inputs="find_images",
    film_preprocessing="FilmPreprocessing",
    study_images="StudyImages collate",
    classifier="Classifier",
    openvino_classifier="make_classifier",
    study_prediction="StudyPrediction",
    analysis="FilmAnalysis enhancer_if",
    prediction_handler="PredictionHandler",
    inference_record="InferenceRecord",
    predictor="Predictor",
)
