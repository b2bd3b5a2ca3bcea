"""Evaluation of enhancers on images with a known truth, in the order of the flow.

``sr_protocol``    a radiograph -> truth, reduced image, regions
``radiographs``    all radiographs of a split
``gradients``      sharpness against the truth
``spectrum``       power spectrum of the detail
``edges``          hallucinated and lost edges
``errors``         errors of an enhancer at the resolution of its input
``sr_scores``       all metrics of one enhancer on one radiograph
``sr_summary``     means, paired intervals against bicubic, tables
``sr_panels``      a figure for each enhancer
``sr_report``      report.html
``default_rule``   rule of a default enhancer and of a gain
``gain_choice``    the default gain of a model folder (``--gains``)
``sr_evaluation``  the workflow ``sr_evaluation``
"""

from .gain_choice import GainChoice
from .radiographs import Radiographs
from .sr_evaluation import SuperResolutionEvaluation, make_enhancers
from .sr_scores import SREvaluationSettings

__all__ = ["GainChoice", "Radiographs", "SREvaluationSettings", "SuperResolutionEvaluation", "make_enhancers"]
