"""Header values that a message may quote: terms that DICOM defines, names of UIDs, numbers.

Any attribute can contain free text, for example a patient's name in Modality, and a short name looks like a code.
Therefore a value is quoted only if it consists of known terms; of any other value, only the length is shown.
"""

from __future__ import annotations

import re
from functools import cache

from pydicom.uid import UID_dictionary

from ..common.printable import shortened
from .words import CHEST_WORDS, VIEW_WORDS, names_chest, states_no_body_part, states_no_view, view_of, words_of

# PS3.3 C.7.6.3.1.2, including retired terms.
PHOTOMETRIC_TERMS = frozenset(
    "ARGB CMYK COLOR HSV MONOCHROME1 MONOCHROME2 PALETTE RGB XYB YBR_FULL YBR_FULL_422 YBR_ICT "
    "YBR_PARTIAL_420 YBR_PARTIAL_422 YBR_RCT".split()
)
# PS3.3 C.8.1.1.1 and C.8.11.7.1, and synonyms that devices write.
_VIEW_TERMS = VIEW_WORDS | frozenset(
    "AND ANTEROPOSTERIOR AP AXIAL BEDSIDE CC CCA DECUBITUS ERECT EXPIRATION FB FRONTAL GRID INSPIRATION ISO "
    "LAO LAT LATERAL LATEROMEDIAL LEFT LL LLD LLO LM LMO LORDOTIC LPO MEDIOLATERAL ML MLO MOBILE OBLIQUE PA "
    "PORTABLE POSTEROANTERIOR PRONE RAO RIGHT RL RLD RLO RPO SIO SITTING STANDING SUPINE SWIMMERS UPRIGHT "
    "VIEW XCCL XCCM XTABLE".split()
)
# PS3.16 annex L, and words for the chest in other languages.
_BODY_PART_TERMS = CHEST_WORDS | frozenset(
    "ABDOMEN ABDOMENPELVIS ADRENAL AND ANKLE AORTA AP ARM AXILLA BACK BLADDER BONE BRAIN BREAST BRONCHUS "
    "BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM CERVIX CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX "
    "COLON CORNEA CSPINE CTSPINE DUODENUM EAR ELBOW ESOPHAGUS EXTREMITY EYE FACE FEMUR FIBULA FINGER FOOT "
    "FOREARM GALLBLADDER HAND HEAD HEADNECK HEART HEEL HIP HUMERUS ILEUM ILIUM JAW JEJUNUM KIDNEY KNEE LARYNX "
    "LAT LATERAL LEFT LEG LIVER LSPINE LSSPINE LUNG LUNGS MANDIBLE MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST "
    "NECKCHESTABDOMEN NOSE ORBIT OVARY PA PANCREAS PATELLA PELVIS PHARYNX PROSTATE PULMON PULMONARY PULMONES "
    "RADIUS RECTUM RIB RIBCAGE RIBS RIGHT SACRUM SCALP SCAPULA SHOULDER SKULL SPINE SPLEEN SSPINE STERNUM "
    "STOMACH THIGH THORACIC THORAX THUMB THYMUS THYROID TIBIA TLSPINE TMJ TOE TORACE TORAX TRACHEA TSPINE "
    "ULNA UTERUS WHOLEBODY WRIST ZYGOMA".split()
)


@cache
def modality_terms() -> frozenset[str]:
    """Terms of Modality (CID 29, CID 33), including retired ones, and SC, which devices write although it is none."""
    from pydicom.sr.codedict import codes

    defined = {getattr(group, name).value for group in (codes.cid29, codes.cid33) for name in group.dir()}
    return frozenset(defined | set("SC CF CS DD DF DM DS EC FA FS LP MA MS OPR ST VF CD CP AS".split()))


def shown_terms(value: str | None, terms: frozenset[str]) -> str | None:
    """Return an upper-case value if it consists of known terms, else a description without its content."""
    if value is None:
        return None
    words = re.findall(r"\w+", value)
    if words and terms.issuperset(words):
        return shortened(value)
    return _unknown(value)


def shown_view(value: str | None) -> str | None:
    """Return ViewPosition if all its words are known, else only its frontal view, else a description.

    ``None`` if it names no view.
    """
    words = words_of(value or "")
    if value is None or states_no_view(value):
        return None
    if words and _VIEW_TERMS.issuperset(words):
        return _quoted(value, words)
    return _unknown(value) if view_of(value) != "frontal" else next(word for word in words if view_of(word))


def shown_body_part(value: str | None) -> str | None:
    """Return BodyPartExamined if all its words are known, else only its word for the chest, else a description.

    ``None`` if it names no body part.
    """
    words = words_of(value or "")
    if value is None or states_no_body_part(value):
        return None
    if words and _BODY_PART_TERMS.issuperset(words):
        return _quoted(value, words)
    return next((word for word in words if word in CHEST_WORDS), "CHEST" if names_chest(value) else _unknown(value))


def _quoted(value: str, words: list[str]) -> str:
    """Return a value of known words; only the words if it has digits, which may be a date of the patient."""
    return shortened(" ".join(words) if any(map(str.isdigit, value)) else value)


def _unknown(value: str) -> str:
    """Describe a value without its content."""
    return f"a value of {len(value)} characters that DICOM does not define"


def shown_number(value: object) -> str:
    """Return a number as text, or ``no number`` for any other value."""
    if value is None or value == "":
        return "none"
    return shortened(str(value)) if isinstance(value, int | float) else "no number"


def shown_uid(value: object) -> str:
    """Return the name of a UID that DICOM defines, or a description for any other UID."""
    return UID_dictionary[str(value)][0] if str(value) in UID_dictionary else "a UID that DICOM does not define"
