"""Data sets, in the order of the flow. Import from the modules; this package stays light.

``label_aliases``       names of one finding in several data sets
``sources``             folder or CSV of studies -> items
``layouts``             public data sets -> items
``splitting``           split by patient with its hash; checks that nobody is in two splits
``datalist``            images, labels and split; checked when it is loaded
``building``            items -> datalist with its split
``label_selection``     a datalist seen through the labels of a model
``label_policy``        how uncertain and missing labels count in training
``class_distribution``  table of the labels in each split
``image_cache``         images decoded once, verified at every read
``dataset``             a split as a data set, augmented
``fingerprints``        which images a model was trained on; refuses to evaluate it on them
"""
