"""Data, in the order of the flow (import from the modules; this package stays light).

``phantom``             synthetic DICOM studies with known truth
``sources``             folder or CSV of studies -> items
``layouts``             public data sets -> items
``building``            items -> datalist with its split
``datalist``            images, labels and split; checked at load
``splitting``           patient-level split with its hash, leak guard
``class_distribution``  the paper's class table
``cache``               decoded once, verified at every read
``dataset``             a split, augmented
``failures``            refused inputs
``atomic``              all-or-nothing file writes
"""
