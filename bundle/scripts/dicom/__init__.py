"""File to radiograph and back, in the order of the flow.

``refusal``    ``RefusedInput``: a typed reason why an input is not read
``terms``      what may be quoted of a header
``budget``     sizes checked before anything large is parsed, inflated or decoded
``header``     DICOM header -> required attributes, allow-listed meta, orientation, hashed identifiers
``parsing``    DICOM file -> data set
``frame``      data set -> its compressed frame, where it is in the file
``codestream`` compressed frame -> its process, size and precision
``rooms``      memory for pixels, used again
``isolation``  a decoder in a child process (``isolated_decoder``) with limits
``decoder_pool`` as many of them as frames are decoded at the same time
``decoding``   data set -> samples
``bits``       samples -> stored values
``levels``     stored values -> the grey levels that occur
``luts``       Modality and VOI look-up tables
``windows``    center, width and function
``rendering``  grey levels -> displayed image: modality, VOI, presentation
``pictures``   PNG, JPEG
``volumes``    NIfTI, NRRD, MetaImage through MONAI's readers
``reading``    ``read_radiograph``: any of these formats -> ``Radiograph``
``image_reader`` the same as a MONAI ``ImageReader``
``appearance`` does an image look like a frontal chest film, and which way up?
``gate``       is it a frontal chest film? header, then image
``studies``    files -> studies, and which image of each is its frontal film
``archives``   zip -> files
``writing``    image -> 16-bit PNG
``objects``    results -> DICOM objects: derived image, attention overlay, regions, findings
"""

from .gate import check_chest_film, require_chest_film
from .objects import write_enhanced
from .reading import Radiograph, read_header, read_radiograph
from .refusal import RefusedInput, find_refusal
from .writing import write_png16

__all__ = [
    "Radiograph",
    "RefusedInput",
    "check_chest_film",
    "find_refusal",
    "read_header",
    "read_radiograph",
    "require_chest_film",
    "write_enhanced",
    "write_png16",
]
