"""Paged search in a PACS (QIDO-RS; PS3.18, section 10.6), with servers that limit, repeat or ignore pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..dicom import RefusedInput
from .dicom_json import value
from .refusals import GONE, NONSENSE, REFUSED, study_refusal, unreadable

logger = logging.getLogger(__name__)

_MAX_RESULTS = 100_000  # results of one search
_PAGE = 100


class PagedSearch:
    """Collects the results of a search, page by page.

    Args:
        ask: function that calls a method of the client with its arguments, as :meth:`.dicomweb.DicomWeb.ask`.
    """

    def __init__(self, ask: Callable[..., Any]) -> None:
        self.ask = ask

    def results(self, key: str, method: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
        """Return the results of a search by their UID; pages are requested until one is empty.

        A server may send fewer results in a page than asked for: because of a limit of its own, or because it merged
        duplicates. The next page then begins behind the results that were sent, and may repeat some of them.

        Args:
            key: tag of the UID that identifies a result.
            method: method of the client.
            arguments: arguments of the method.
            options: options of the method.

        Raises:
            RefusedInput: ``PACS_RESPONSE`` for too many results, or see :func:`.refusals.ask`.
        """
        found: dict[str, Any] = {}
        offset, nameless, is_paged = 0, 0, False
        while page := self.page(method, *arguments, **options, offset=offset):
            if offset + len(page) > _MAX_RESULTS:
                raise study_refusal(
                    NONSENSE, "a search in the PACS has too many results", f"at most {_MAX_RESULTS}", "more",
                    "search fewer days",
                )  # fmt: skip
            before = len(found)
            for item in page:
                uid = value(item, key)
                nameless += not uid
                if uid:
                    found.setdefault(uid, item)
            if len(found) == before and not is_paged:
                # Nothing new: either the server ignores the offset, and always sends its first page, or these were
                # duplicates. Behind all results there is nothing unless the offset is ignored.
                if self.page(method, *arguments, **options, offset=_MAX_RESULTS):
                    break
                is_paged = True
            offset += len(page)
        if nameless:
            logger.warning("%d results of a search in the PACS were left out; expected a UID, found none", nameless)
        return found

    def page(self, method: Callable[..., Any], *arguments: Any, offset: int, **options: Any) -> list[Any]:
        """Return one page of a search; no results where the server does not continue a search.

        Raises:
            RefusedInput: ``PACS_RESPONSE`` for a response that is not a list, or see :func:`.refusals.ask`.
        """
        try:
            page = self.ask(method, *arguments, **options, limit=_PAGE, offset=offset)
        except RefusedInput as refused:
            if not offset or refused.code not in (GONE, REFUSED):
                raise
            logger.warning("a search in the PACS ended at %d results: %s", offset, refused.found)
            return []
        if not isinstance(page, list):
            raise unreadable("a search result of another form", "a list")
        return page
