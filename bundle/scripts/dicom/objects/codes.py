"""Codes of findings: SNOMED CT or DCM where a code could be verified, otherwise a private code.

A code is used when it is in a context group of PS3.16 (as in ``pydicom.sr.codedict``), or when several published
tables (OHDSI, UMLS and MedDRA maps, FHIR value sets) agree on the code and its name. The latter were not checked
against a terminology server. pydicom's ``Cardiomegaly`` (287272002) is not used, because the same library calls this
code "Enlarged septal foramen of heart". Labels without a verified code (No Finding, Pleural Thickening, and labels of
other trainings) get a code of the private scheme ``99CXRASR``.
"""

from __future__ import annotations

import re

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

PRIVATE_SCHEME = "99CXRASR"
PRIVATE_SCHEME_NAME = "cxr-attention-sr labels without a verified standard code"
_FINDING_CODES = {
    # PS3.16 CID 6102 (chest finding or feature)
    "Infiltration": Code("112121", "DCM", "Infiltrate"),
    "Lung Opacity": Code("112001", "DCM", "Opacity"),
    "Mass": Code("4147007", "SCT", "Mass"),
    "Nodule": Code("27925004", "SCT", "Nodule"),
    "Pneumothorax": Code("36118008", "SCT", "Pneumothorax"),
    # Other context groups of PS3.16
    "Edema": Code("19242006", "SCT", "Pulmonary edema"),
    "Pleural Effusion": Code("60046008", "SCT", "Pleural effusion"),
    # SNOMED CT codes of published tables
    "Atelectasis": Code("46621007", "SCT", "Atelectasis"),
    "Cardiomegaly": Code("8186001", "SCT", "Cardiomegaly"),
    "Consolidation": Code("95436008", "SCT", "Lung consolidation"),
    "Emphysema": Code("87433001", "SCT", "Pulmonary emphysema"),
    "Fibrosis": Code("51615001", "SCT", "Fibrosis of lung"),
    "Pneumonia": Code("233604007", "SCT", "Pneumonia"),
}


def finding_code(label: str) -> Code:
    """Return the code of a label, a private one where no other is known."""
    known = _FINDING_CODES.get(label)
    if known is not None:
        return known
    # CodeValue has at most 16 characters (VR SH); highdicom writes a longer one as LongCodeValue (PS3.3, table 8.8-1a).
    value = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    return Code(value or "label", PRIVATE_SCHEME, label[:64])


def code_item(code: Code) -> Dataset:
    """Return an item of a code sequence (PS3.3, section 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
