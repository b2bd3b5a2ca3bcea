"""MONAI dictionary transforms of all workflows, in the order of the flow.

``load_radiograph``  file -> (1, H, W) in [0, 1]
``fit_square``       (1, H, W) -> (1, S, S), padded and resized
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    load_radiograph="LoadRadiographd",
    fit_square="FitSquared",
)
