"""Calibrated probabilities and thresholds, in the order of the flow.

``scale``             logits to probabilities
``calibration_file``  thresholds.json beside the weights: written, read, applied
``fitting``           temperature or Platt scaling of each label, on the validation split
``novelty``           how unlike the training images an image is: novelty.safetensors
``collecting``        images -> logits, labels, features
``calibrating``       the workflow ``calibration``, which writes both files
"""
