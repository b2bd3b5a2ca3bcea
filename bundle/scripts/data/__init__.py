"""Data sets, in the order of the flow. Import from the modules; this package stays light.

``label_aliases``       different names of the same finding
``attributes``          age, sex and view of a film
``tables``              CSV -> rows whose values are checked
``sources``             folder or CSV of studies -> items
``layouts``             public data sets -> items
``splitting``           split by patient, its hash, and the check that no patient is in two splits
``datalist``            JSON file of images, labels and splits
``folds``               training splits that each leave a part of the patients out
``building``            items -> datalist with its split
``label_selection``     labels of a datalist -> labels of a model
``label_policy``        training targets of uncertain and missing labels
``class_distribution``  table of the labels in each split
``image_cache``         images that are decoded once and verified at every read
``annotations``         boxes and masks of the findings, in pixels of the network's input
``finding_masks``       boxes and masks of an image as one channel, for training
``finding_mixing``      findings of other films pasted into a training image, for rare labels
``dataset``             split of a datalist -> PyTorch data set with augmentation
``fingerprints``        record of the training images, to prevent evaluation on them
"""
