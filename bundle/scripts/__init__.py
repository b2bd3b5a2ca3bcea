"""Attention-guided super-resolution for multilabel chest-radiograph classification, in pipeline order.

``dicom``        file -> radiograph (1, H, W) in [0, 1]; derived DICOM out
``data``         datalist, patient split, leak guard, cached data set, synthetic phantoms
``transforms``   MONAI dictionary transforms: load, fit to a square, attention-guided super-resolution
``networks``     multilabel Vision Transformer, strict loading, masked loss, layer-wise learning rates
``training``     engine parts: precision, seeding, checkpoints, model selection, history
``attention``    last-layer CLS attention and its figures
``enhancement``  regions, enhancers (latent diffusion), paste, the loop over a data set
``evaluation``   metrics, paired comparison, report
``inference``    predictions for new studies
``tracking``     MLflow
``cli``          the command line
"""

import logging

from .data.printable import PrintableRecord

logging.setLogRecordFactory(PrintableRecord)
