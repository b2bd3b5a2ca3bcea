"""Results as DICOM objects of the source's study, one file per kind of object.

``source``             the source image: header, identity, pixel grid as stored and as displayed
``identity``           who made an object, deterministic UIDs, saving
``codes``              codes of findings
``derived_image``      enhanced image -> CR, DX or Secondary Capture, a derived series
``attention_overlay``  attention map -> colour Secondary Capture
``regions``            region boxes -> Segmentation
``findings_report``    probabilities -> Comprehensive 3D SR (TID 1500)
"""

import logging

from .attention_overlay import write_attention_overlay
from .derived_image import write_enhanced
from .findings_report import write_findings_report
from .identity import Algorithm
from .regions import write_regions
from .source import Source, load_source

# Their messages quote UIDs and the values of attributes, which may be the patient's.
logging.getLogger("highdicom").setLevel(logging.ERROR)
logging.getLogger("pydicom").setLevel(logging.ERROR)

__all__ = [
    "Algorithm",
    "Source",
    "load_source",
    "write_attention_overlay",
    "write_enhanced",
    "write_findings_report",
    "write_regions",
]
