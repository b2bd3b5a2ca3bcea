"""Crops of the attended regions, which the classifier reads beside the whole image, in the order of the flow.

``base_mean_map``      mean map of the training films, for the selector ``mean_map``
``crops``              attention -> regions -> crops at a higher magnification
``crop_cache``         crops of a data set, cut once
``out_of_fold_crops``  crops of training films, whose regions a network chooses that has not seen them
``flip_with_crops``    random mirroring of an image and its crops
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    flip_with_crops="RandFlipWithCropsd",
)
