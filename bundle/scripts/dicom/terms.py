"""What may be quoted of a header: terms that DICOM defines, names of UIDs, numbers.

Free text ends up in any attribute, a patient's name in Modality for example, and a short name looks like a code. So a
value is quoted only if it is made of known terms; what else it holds is told apart by nothing but its length.
"""

from __future__ import annotations

import re
from functools import cache

from pydicom.uid import UID_dictionary

from ..common.printable import shortened

CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "TORAX", "TORACE", "PULMON", "HEART", "RIB")
FRONTAL_VIEWS = ("PA", "AP")
# PS3.3 C.7.6.3.1.2, with those that are retired.
PHOTOMETRIC_TERMS = frozenset(
    "ARGB CMYK COLOR HSV MONOCHROME1 MONOCHROME2 PALETTE RGB XYB YBR_FULL YBR_FULL_422 YBR_ICT "
    "YBR_PARTIAL_420 YBR_PARTIAL_422 YBR_RCT".split()
)
# PS3.3 C.8.1.1.1 and C.8.11.7.1, and the words for the same that devices write.
_VIEW_TERMS = frozenset(
    "AND ANTEROPOSTERIOR AP AXIAL BEDSIDE CC CCA DECUBITUS ERECT EXPIRATION FB FRONTAL GRID INSPIRATION ISO "
    "LAO LAT LATERAL LATEROMEDIAL LEFT LL LLD LLO LM LMO LORDOTIC LPO MEDIOLATERAL ML MLO MOBILE OBLIQUE PA "
    "PORTABLE POSTEROANTERIOR PRONE RAO RIGHT RL RLD RLO RPO SIO SITTING STANDING SUPINE SWIMMERS UPRIGHT "
    "VIEW XCCL XCCM XTABLE".split()
)
# PS3.16 annex L, and the words for the chest in other languages.
_BODY_PART_TERMS = frozenset(
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
    """Terms of Modality (CID 29, CID 33), with those that are retired, and SC, which is no modality but is written."""
    from pydicom.sr.codedict import codes

    defined = {getattr(group, name).value for group in (codes.cid29, codes.cid33) for name in group.dir()}
    return frozenset(defined | set("SC CF CS DD DF DM DS EC FA FS LP MA MS OPR ST VF CD CP AS".split()))


def shown_terms(value: str | None, terms: frozenset[str]) -> str | None:
    """An upper-case value that consists of known terms, else what can be said of it; ``None`` for none."""
    if value is None:
        return None
    words = re.findall(r"\w+", value)
    if words and terms.issuperset(words):
        return shortened(value)
    return f"a value of {len(value)} characters that DICOM does not define"


def shown_view(value: str | None) -> str | None:
    """ViewPosition; of an unknown value that begins as a frontal view does, that view."""
    return _keep(value, _VIEW_TERMS, next((view for view in FRONTAL_VIEWS if (value or "").startswith(view)), None))


def shown_body_part(value: str | None) -> str | None:
    """BodyPartExamined; of an unknown value that names the chest, that name."""
    return _keep(value, _BODY_PART_TERMS, next((word for word in CHEST_WORDS if word in (value or "")), None))


def _keep(value: str | None, terms: frozenset[str], known: str | None) -> str | None:
    """A value of known terms, else the part of it that is known, else what can be said of it."""
    shown = shown_terms(value, terms)
    return shown if shown == value or known is None else known


def shown_number(value: object) -> str:
    """A number, else what can be said of the value."""
    if value is None or value == "":
        return "none"
    return shortened(str(value)) if isinstance(value, int | float) else "no number"


def shown_uid(value: object) -> str:
    """Name of a UID that DICOM defines, else that it is none."""
    return UID_dictionary[str(value)][0] if str(value) in UID_dictionary else "a UID that DICOM does not define"
