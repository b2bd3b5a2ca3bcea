"""MONAI dictionary transforms of all workflows, in the order of the flow.

``load_radiograph``  file -> (1, H, W) in [0, 1]
``fit_square``       (1, H, W) -> (1, S, S), padded and resized
"""

from .fit_square import FitSquared
from .load_radiograph import LoadRadiographd

__all__ = ["FitSquared", "LoadRadiographd"]
