"""MONAI dictionary transforms, in the order of the flow.

``load_radiograph``      file -> (1, H, W) in [0, 1]
``geometry``             pad to a square, resize, and back to source pixels
``fit_square``           the same as a transform
``attention_guided_sr``  attention -> regions -> super-resolution -> paste
``zoom``                 attention -> regions -> crops at a higher magnification
``flip_with_crops``      mirror an image with its crops
"""

from importlib import import_module

# Resolved at first use: ``attention_guided_sr`` needs the enhancement package, which needs ``geometry`` from here.
_HOMES = {
    "LoadRadiographd": "load_radiograph",
    "FitSquared": "fit_square",
    "AttentionGuidedSuperResolutiond": "attention_guided_sr",
    "RandFlipWithCropsd": "flip_with_crops",
}
__all__ = ["AttentionGuidedSuperResolutiond", "FitSquared", "LoadRadiographd", "RandFlipWithCropsd"]


def __getattr__(name: str) -> type:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
