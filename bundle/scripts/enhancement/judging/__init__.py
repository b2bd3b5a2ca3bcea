"""Judge enhancers where the truth is known, in the order of the flow.

``protocol``  a radiograph -> truth, reduced image, regions
``radiographs``   all of a split
``gradients`` ``spectrum`` ``edges`` ``errors``   what PSNR and SSIM do not see
``judge``     one enhancer on one radiograph: all figures
``summary``   means, paired intervals against bicubic, tables
``panels``    a figure for each enhancer
``report``    report.html
``workflow``  what ``run sr_evaluation`` runs
``gain_choice``   what it runs with ``--gains``: the gain that a model folder keeps
"""

from .gain_choice import GainChoice
from .judge import JudgeSettings
from .radiographs import Radiographs
from .workflow import SuperResolutionEvaluation, make_enhancers

__all__ = ["GainChoice", "JudgeSettings", "Radiographs", "SuperResolutionEvaluation", "make_enhancers"]
