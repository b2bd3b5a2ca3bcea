"""Results as DICOM objects in the study of their source image, one file per kind of object.

``codes``                codes of findings
``source``               source image: header, identity, pixel grid as stored and as displayed
``algorithm``            attributes that all objects share: equipment, deterministic UIDs, saving
``derived_image``        enhanced image -> CR, DX or Secondary Capture, in a series of its own
``attention_overlay``    attention map -> colour Secondary Capture
``attention_parametric_map``  attention map -> Parametric Map
``region_segmentation``  region boxes -> Segmentation
``findings_report``      probabilities -> Comprehensive 3D SR (TID 1500)
"""

from .algorithm import OBJECT_KINDS, Algorithm
from .attention_overlay import write_attention_overlay
from .attention_parametric_map import write_attention_map
from .derived_image import write_enhanced
from .findings_report import write_findings_report
from .region_segmentation import write_regions
from .source import Source, load_source

__all__ = [
    "OBJECT_KINDS",
    "Algorithm",
    "Source",
    "load_source",
    "write_attention_map",
    "write_attention_overlay",
    "write_enhanced",
    "write_findings_report",
    "write_regions",
]
