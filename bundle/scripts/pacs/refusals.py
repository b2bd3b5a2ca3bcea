"""Errors of a PACS by code, and the repetition of requests that may succeed later.

Messages contain nothing of a request or a response, because URLs contain UIDs and servers quote patient data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import requests

from ..dicom import RefusedInput

UNAVAILABLE, REFUSED, NONSENSE, GONE = "PACS_UNAVAILABLE", "PACS_REFUSED", "PACS_RESPONSE", "NO_STUDY"
# 408 and 429 ask to come again; 5xx is the server's trouble, not the request's.
_COME_AGAIN = {408, 425, 429}

Result = TypeVar("Result")


class TooSlow(RefusedInput):
    """``PACS_UNAVAILABLE`` of an answer that took too long: asked for again with the next poll, and not at once."""


def ask(request: Callable[[], Result], *, attempts: int, wait_s: float) -> Result:
    """Return the result of a request, which is repeated with growing waits while the server does not answer.

    Args:
        request: a call of dicomweb-client; must be safe to repeat.
        attempts: maximum number of attempts.
        wait_s: wait before the second attempt, in seconds; doubled for each further attempt, at most 60 s.

    Raises:
        RefusedInput: ``PACS_UNAVAILABLE`` after the last attempt, or when an answer took too long; ``PACS_REFUSED``
            (4xx, or a redirect that is not followed), ``NO_STUDY`` (404, 410), ``FILE_SIZE`` or ``PACS_RESPONSE`` (an
            answer that is none).
    """
    from retrying import Retrying

    # The client's own repetition looks at status codes only: a dropped connection ends it.
    again = Retrying(
        stop_max_attempt_number=attempts,
        wait_exponential_multiplier=500 * wait_s,  # times 2 ** attempt, in ms
        wait_exponential_max=60_000,
        retry_on_exception=lambda error: (
            isinstance(error, RefusedInput) and error.code == UNAVAILABLE and not isinstance(error, TooSlow)
        ),
    )
    return again.call(_named, request)


def _named(request: Callable[[], Result]) -> Result:
    """Return the result of one attempt; every error becomes a :class:`RefusedInput` with a code."""
    try:
        return request()
    except RefusedInput:
        raise
    except requests.HTTPError as error:
        raise _answered(getattr(error.response, "status_code", 500)) from None
    except requests.TooManyRedirects:
        raise redirected("redirects without an end") from None
    except (requests.RequestException, OSError) as error:
        raise unavailable(type(error).__name__) from None
    except Exception as error:  # what a parser meets in an answer; its words may quote the patient's data
        raise RefusedInput(
            NONSENSE, "the answer of the PACS cannot be read", "DICOM JSON, or a DICOM file", type(error).__name__,
            "check the URL, and the study in the PACS",
        ) from None  # fmt: skip


def _answered(status: int) -> RefusedInput:
    """Return the error for an HTTP status of 400 or more."""
    if status >= 500 or status in _COME_AGAIN:
        return unavailable(f"status {status}")
    if status in (404, 410):
        return RefusedInput(
            GONE, "the PACS does not have the study", "a study", f"status {status}", "check the UID, and the URL"
        )
    return RefusedInput(
        REFUSED, "the PACS rejects the request", "status 200", f"status {status}",
        "check the URL, the credentials and what they are allowed to do",
    )  # fmt: skip


def unavailable(found: str) -> RefusedInput:
    """Return the error of a server that does not answer; the request may succeed later."""
    return RefusedInput(
        UNAVAILABLE, "the PACS does not answer", "an answer", found, "check that it runs, the URL and the certificates"
    )


def too_slow(limit_s: float) -> TooSlow:
    """Return the error of a server that sends its response, or reads the request, too slowly."""
    return TooSlow(
        UNAVAILABLE, "the PACS is too slow", f"a complete answer within {limit_s:g} s", "a part of it",
        "check the PACS, and the line to it",
    )  # fmt: skip


def too_large(limit: int) -> RefusedInput:
    """Return the error of a response that is larger than any radiograph or search result.

    Args:
        limit: limit in bytes.
    """
    return RefusedInput(
        "FILE_SIZE", "the PACS sends more than was asked for", f"at most {limit // 1_000_000} MB", "more",
        "check the study in the PACS",
    )  # fmt: skip


def redirected(where: str) -> RefusedInput:
    """Return the error of a redirect that is not followed, or of a request to another server.

    Args:
        where: target as scheme, host and port, without the rest of the URL, which contains UIDs.
    """
    return RefusedInput(
        REFUSED, "the PACS refers to another address, which is not followed: images go to the given URL alone",
        "an answer from its scheme, host and port", where,
        "give the URL that is meant, if that server is to have the images",
    )  # fmt: skip


def unreadable(what: str, expected: str) -> RefusedInput:
    """Return the error of a response whose content is not used."""
    return RefusedInput(
        NONSENSE, f"the PACS sends {what}", expected, "it",
        "check the study in the PACS; export the film and name its file",
    )  # fmt: skip


def study_refusal(code: str, what: str, expected: str, found: str, remedy: str) -> RefusedInput:
    """Return an error that concerns a study as a whole."""
    return RefusedInput(code, what, expected, found, remedy, "study")
