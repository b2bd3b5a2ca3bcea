"""The experiment that decides whether super-resolution helps, in the order of the flow.

``protocol``    the endpoint, declared before anything is fitted; which cases teach and which judge
``arms``        what each arm sees and learns from
``cases``       the same images in all of them
``enhancers`` ``filters``   what is done to regions; noise and sharpening as controls
``views``       one image -> the network inputs of every arm
``backbone`` ``features`` ``cache``   the frozen network, and features that are computed once
``probe`` ``probing``       learning in minutes: logistic regression on them
``view_data`` ``finetuning``   learning in hours: the training workflow
``statistics``  paired differences over seeds and patients: intervals, equivalence, power
``flips`` ``lesions``   does an enhancer create or erase findings?
``verdict``     one sentence
``assembling`` ``tables`` ``figure``   results
``workflow``    ``run ablation``
"""
