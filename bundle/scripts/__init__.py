"""Attention-guided super-resolution for multilabel chest-radiograph classification, in the order of the pipeline.

``common``             files written atomically, failures, geometry, printable text
``plain_components``   components of a configuration, without MONAI
``tracking``           MLflow runs
``components``         finds the classes that configurations name ``scripts.…``
``workflow_settings``  workflows by name, and the settings of each
``error_line``         the line that reports an error
``overrides``          overrides of a configuration, as data
``workflow``           runs a workflow of the bundle by its name
``path_settings``      folders that decide what is run
``dicom``              file -> radiograph (1, H, W) in [0, 1]; results -> DICOM objects
``phantom``            synthetic studies with known findings
``data``               data sets -> datalist, patient split, cached images
``transforms``         MONAI dictionary transforms: load, fit to a square
``networks``           the multilabel Vision Transformer and its weights
``attention``          maps of what the network looks at
``training``           parts of the training engine: precision, seeds, checkpoint, model selection
``metrics``            AUROC and other metrics, intervals, paired tests
``calibration``        calibrated probabilities, thresholds, novelty
``evaluation``         results of one model, and of two models on the same cases
``seed_runs``          trainings and evaluations with several seeds
``fold_runs``          trainings that each leave out a part of the patients
``report``             report.html
``super_resolution``   attention map -> regions -> enhancer -> paste -> enhanced data set
``sr_training``        training of the enhancers
``zoom``               regions as crops that the classifier reads beside the whole image
``experiments``        which maps, enhancers and arms are worth it
``inference``          predictions for new studies
``sharing``            publishes a model, exports it for other programs
``library``            the pipeline on one image, for Python programs
``pacs``               studies from a PACS, and results back to it
``app``                a page of this computer that predicts films
``demo``               the whole pipeline on synthetic studies
``run_command``        the subcommand ``run``
``cli``                the command line
"""
