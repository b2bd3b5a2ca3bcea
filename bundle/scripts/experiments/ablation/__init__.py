"""Does super-resolution help the classifier? In the order of the flow.

``filters``           noise and sharpening as controls
``arms``              the views that each arm is trained and evaluated on
``protocol``          the endpoint, declared before any training; the training cases and the evaluated cases
``attempts``          log of the experiments on a data set, outside the output folder
``statistics``        paired differences over seeds and patients: intervals, equivalence, power
``cases``             the same images in all arms
``arm_enhancers``     enhancers of the arms, each loaded once
``views``             one image -> the network inputs of every arm
``backbones``         the films that a backbone has seen, and its weights
``frozen_backbone``   the frozen network
``feature_cache``     features that were computed once
``features``          features of every image in every view
``probe``             logistic regression on them
``probing``           training in minutes: the probe of each arm
``view_data``         views as data sets on disk
``shared_trainings``  what the trainings in a folder were made with
``train_settings``    the settings of the trainings
``fold_maps``         the maps that choose the regions, from models that have not seen the patient
``finetuning``        training in hours: the training workflow of each arm
``flips``             does an enhancer change decisions?
``lesions``           does an enhancer create or erase findings?
``verdict``           one sentence
``assembling``        results of all arms
``ablation_tables``   the results as text and CSV
``ablation_figure``   the results as a figure
``ablation``          the workflow ``ablation``
"""
