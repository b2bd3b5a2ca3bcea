"""A run folder to report.html, in the order of the flow.

``figures``         canvas, colours, PNG and data URI (matplotlib)
``label_figures``   ROC, precision-recall and reliability curves, a panel for each label
``chart_figures``   training, positives per label, fidelity, subgroups
``image_figures``   attention over a radiograph; crops of a region
``sr_sections``     the part on enhancers against a known truth
``gather``          a run folder -> what the report needs
``report_tables``   rows on epochs, classes and fidelity
``report_figures``  figures as data URIs
``report_format``   templates, and how they write numbers
``report``          report.html, one self-contained file
"""
