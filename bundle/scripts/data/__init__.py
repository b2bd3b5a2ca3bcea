"""Data, in the order of the flow (import from the modules; this package stays light).

``phantom``             synthetic DICOM studies with known truth
``datalist``            folder or CSV of studies -> datalist, checked at load
``splitting``           patient-level split with its hash, leak guard
``class_distribution``  the paper's class table
``dataset``             decoded once, cached, augmented
``failures``            refused inputs
``atomic``              all-or-nothing file writes
"""
