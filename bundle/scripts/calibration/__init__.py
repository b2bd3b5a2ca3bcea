"""Calibrated probabilities and thresholds, in the order of the flow.

``scale``               logits to probabilities
``calibration_file``    writes, reads and applies thresholds.json, which lies beside the weights
``classifier_loading``  model folders -> one network, or several that predict as one
``spread``              how far the probabilities of several networks differ
``fitting``             temperature or Platt scaling of each label, on the validation split
``novelty``             distance of an image from the training images: novelty.safetensors
``collecting``          images -> logits, targets, features
``calibrating``         the workflow ``calibrating``, which writes both files
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(__name__, classifier_loading="load_classifier")
