"""Calibrated probabilities and thresholds, in the order of the flow.

``scale``             logits to probabilities
``calibration_file``  writes, reads and applies thresholds.json, which lies beside the weights
``fitting``           temperature or Platt scaling of each label, on the validation split
``novelty``           distance of an image from the training images: novelty.safetensors
``collecting``        images -> logits, targets, features
``calibrating``       the workflow ``calibration``, which writes both files
"""
