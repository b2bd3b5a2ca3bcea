"""Attention-guided super-resolution, in the order of the flow.

``resampling``       resizing, degradation, blending weights at the border of a region
``regions``          attention maps -> boxes, and the control selectors
``region_maps``      the maps that choose the regions of a film: its own, those of its findings
``film_regions``     maps on the patch grid -> regions in the pixels of a film
``mean_region_map``  mean map of the training films, which chooses regions as a control
``out_of_fold``      for each film, a network that has not seen it
``dataset_maps``     the maps that choose the regions of a data set's films
``networks``         networks of the enhancers
``enhancers``        super-resolution of one region, one file per method
``paste``            enhanced regions back at the original size, or on a larger canvas
``fidelity``         PSNR and SSIM of the regions and of the whole image
``region_enhancer``  ``RegionEnhancer``: image and attention map -> enhanced image, regions, metrics
``region_pictures``  pictures of a region before and after
``transform``        ``RegionEnhancer`` as a MONAI transform
``manifest``         manifest.jsonl: which images of a data set are finished
``enhanced_names``   names of the enhanced images
``enhanced_annotations``  boxes and masks of an image, for its enhanced file
``enhance_dataset``  a whole data set: batches, resume, shards, failures
``cost``             run time and memory of a block of code
``forecast``         run time and memory for a data set, estimated from a few images
``enhancing``        the workflow ``enhancing``, with MLflow and example figures
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    transform="AttentionGuidedSuperResolutiond",
)
