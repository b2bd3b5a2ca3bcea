"""From a run folder to report.html and report.md, in the order of the flow.

``figures``          canvas, colours, PNG and data URI (matplotlib)
``label_figures``    ROC, precision-recall and reliability curves, a panel for each label
``chart_figures``    training, positives per label, fidelity, subgroups
``image_figures``    attention over a radiograph; crops of a region
``sr_sections``      the section on enhancers and a known truth
``map_section``      the section on the maps and the annotated findings
``verdict_section``  the verdict, its control, and every seed
``report_format``    templates, style and policy of the pages, and the format of numbers in them
``forest``           the difference of each label, as a forest plot
``films_section``    films on which the models disagree most
``region_section``   regions before and after enhancement
``gather``           the result files of a run folder
``report_tables``    rows of the tables of epochs, classes and fidelity
``not_run``          the steps that were not run
``report_figures``   figures as data URIs
``report_summary``   the summary as Markdown
``report``           report.html, one self-contained file, and report.md
"""
