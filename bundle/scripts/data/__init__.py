"""Data, in the order of the flow (import from the modules; this package stays light).

``phantom``             synthetic DICOM studies with known truth
``sources``             folder or CSV of studies -> items
``layouts``             public data sets -> items
``building``            items -> datalist with its split
``datalist``            images, labels and split; checked at load
``splitting``           patient-level split with its hash, leak guard
``aliases``             names of one finding in several data sets
``label_selection``     a datalist seen through the labels of a model
``label_policy``        what uncertain and blank labels count as in training
``class_distribution``  the paper's class table
``cache``               decoded once, verified at every read
``crop_cache``          crops for a zoom network, cut once
``dataset``             a split, augmented
``fingerprints``        which images a model was trained on; refuses to judge it on them
``failures``            refused inputs
``printable``           text from outside, fit to be shown; labels; log records
``csv_text``            tables that a spreadsheet does not calculate
``code_version``        hash of the code, a part of every cache key
``atomic``              all-or-nothing file writes, for their owner alone
"""
