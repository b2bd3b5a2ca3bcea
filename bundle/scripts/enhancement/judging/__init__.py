"""Judge enhancers where the truth is known, in the order of the flow.

``protocol``  a radiograph -> truth, reduced image, regions
``gradients`` ``spectrum`` ``edges`` ``errors``   what PSNR and SSIM do not see
``cost``      seconds and memory
``judge``     one enhancer on one radiograph: all figures
``summary``   means, paired intervals against bicubic, tables
``panels``    a figure for each enhancer
``workflow``  what ``run sr_evaluation`` runs
"""

from .workflow import SuperResolutionEvaluation, make_enhancers

__all__ = ["SuperResolutionEvaluation", "make_enhancers"]
