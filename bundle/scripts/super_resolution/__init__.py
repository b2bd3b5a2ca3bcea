"""Attention-guided super-resolution, in the order of the flow.

``resampling``       resizing, reduction, the ramp at the border of a region
``regions``          attention map -> boxes, and the control selectors
``networks``         networks of the enhancers
``enhancers``        super-resolution of one region, one file per method
``paste``            enhanced regions back at the original size, or on a larger canvas
``fidelity``         PSNR and SSIM, in the regions and in full, against input and truth
``region_enhancer``  ``RegionEnhancer``: image and attention map -> enhanced image, regions, measures
``transform``        the same as a MONAI transform
``manifest``         manifest.jsonl: which images of a data set are finished
``enhance_dataset``  a whole data set: batches, resume, shards, failures
``cost``             seconds and memory of a piece of work
``forecast``         what a data set will cost, measured on a few images
``enhancing``        the workflow ``enhancing``, with MLflow and example figures
"""

from .transform import AttentionGuidedSuperResolutiond

__all__ = ["AttentionGuidedSuperResolutiond"]
