"""Values of DICOM JSON (PS3.18, annex F) as servers send it, each read on its own.

pydicom converts all values of a response at once, so that one broken value of one study would cost all of them.
"""

from __future__ import annotations

import json
from typing import Any

_FAILED_SEQUENCE, _FAILURE_REASON = "00081198", "00081197"
_DUPLICATE = 0x0111  # the server has the instance already (PS3.7, C.5.6)


def value(item: Any, tag: str) -> str:
    """Return the first value of an attribute as text, empty where it is absent or has another form.

    Args:
        item: attributes of a result by tag.
        tag: eight hexadecimal digits, upper case.
    """
    if not isinstance(item, dict):
        return ""
    element = item.get(tag, item.get(tag.lower()))
    found = element.get("Value") if isinstance(element, dict) else None
    while isinstance(found, list):
        found = found[0] if found else None
    return cleaned(found) if isinstance(found, str | int | float) else ""


def cleaned(text: object) -> str:
    """Return a text without the spaces and NUL characters that pad values (PS3.5, section 6.2)."""
    return "" if text is None else str(text).strip(" \0")


def is_stored(content: bytes, has_failed: bool) -> bool:
    """Return whether a response to STOW-RS (PS3.18, section 10.5.3) says that an instance is stored.

    A response that is neither DICOM JSON nor empty says nothing of it, for example a page that asks for a password.

    Args:
        content: body of the response to a request with one instance.
        has_failed: whether the status says that the instance was not stored.
    """
    try:
        answer = json.loads(content) if content.strip() else {}
    except ValueError:
        return False
    reasons = [reason for item in (answer if isinstance(answer, list) else [answer]) for reason in _reasons(item)]
    return all(reason == str(_DUPLICATE) for reason in reasons) and bool(reasons or not has_failed)


def _reasons(item: Any) -> list[str]:
    """Return the FailureReason of each instance that was not stored."""
    element = item.get(_FAILED_SEQUENCE) if isinstance(item, dict) else None
    failed = element.get("Value") if isinstance(element, dict) else None
    return [value(one, _FAILURE_REASON) for one in failed or []] if isinstance(failed, list | None) else ["?"]
