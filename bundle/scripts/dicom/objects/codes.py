"""Codes of findings: SNOMED CT or DCM where one could be verified, else a code of this project's own.

A code was taken when it stands in a context group of PS3.16 (as ``pydicom.sr.codedict`` has them), or when several
published tables agree on it and its name (OHDSI, maps of UMLS and MedDRA, FHIR value sets); the latter were not
checked against a terminology server. pydicom's ``Cardiomegaly`` (287272002) is not used: the name that the same library
has for that code is "Enlarged septal foramen of heart". Labels without a verified code (No Finding, Pleural Thickening
and whatever else a user trained) get the private scheme ``99CXRASR``.
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
    # other context groups of PS3.16
    "Edema": Code("19242006", "SCT", "Pulmonary edema"),
    "Pleural Effusion": Code("60046008", "SCT", "Pleural effusion"),
    # SNOMED CT concepts of these names in published tables
    "Atelectasis": Code("46621007", "SCT", "Atelectasis"),
    "Cardiomegaly": Code("8186001", "SCT", "Cardiomegaly"),
    "Consolidation": Code("95436008", "SCT", "Lung consolidation"),
    "Emphysema": Code("87433001", "SCT", "Pulmonary emphysema"),
    "Fibrosis": Code("51615001", "SCT", "Fibrosis of lung"),
    "Pneumonia": Code("233604007", "SCT", "Pneumonia"),
}


def finding_code(label: str) -> Code:
    """Code of a label; of the private scheme when none is known."""
    known = _FINDING_CODES.get(label)
    if known is not None:
        return known
    # A Code Value has at most 16 characters (VR SH); longer ones go to Long Code Value (PS3.3, table 8.8-1a).
    value = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    return Code(value or "label", PRIVATE_SCHEME, label[:64])


def code_item(code: Code) -> Dataset:
    """Item of a code sequence (PS3.3, 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
