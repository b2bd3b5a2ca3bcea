"""Experiments on maps, enhancers and the paper's claim, in the order of the flow.

``kit``            tables and paired statistics that the experiments share
``explaining``     do the maps of an explanation method lie on the findings? (``run explaining``)
``sr_evaluation``  enhancers where the truth is known (``run sr_evaluation``)
``ablation``       does super-resolution help the classifier? (``run ablation``)
"""
