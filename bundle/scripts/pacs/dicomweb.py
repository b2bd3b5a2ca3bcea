"""DICOMweb client: QIDO-RS, WADO-RS and STOW-RS (PS3.18, section 10) through dicomweb-client."""

from __future__ import annotations

import logging
import secrets
import warnings
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..common.atomic import atomic_write
from ..common.failures import Failure
from ..dicom import RefusedInput
from ..dicom.header import number
from ..dicom.objects.derived_image import SERIES_DESCRIPTION, is_enhanced
from ..dicom.objects.source import IDENTIFIER
from ..dicom.read.parsing import load_dataset
from .deadline import TIMEOUTS_S
from .dicom_json import cleaned, is_stored, value
from .multipart import split_parts
from .refusals import GONE, NONSENSE, REFUSED, UNAVAILABLE, ask, unreadable
from .session import Server, open_session, require

logger = logging.getLogger(__name__)

_MODALITIES = ("CR", "DX")
MAX_IMAGES = 64
_MAX_RESULTS = 100_000  # results of one search
_PAGE = 100
_PREAMBLE_BYTES = 128
_CONFLICT = 409  # status of STOW-RS when no instance was stored
_STUDY_UID, _SERIES_UID, _SOP_UID = "0020000D", "0020000E", "00080018"
_MODALITY, _DESCRIPTION, _STUDY_INSTANCES = "00080060", "0008103E", "00201208"

Result = TypeVar("Result")


class DicomWeb:
    """A DICOMweb server; a :class:`.relay.Archive`.

    Args:
        server: URL and certificates.
        modalities: values of Modality (0008,0060) that are radiographs.
        since_days: maximum age of a study (StudyDate) in days; ``None``: all studies, also those without a date.
        attempts: maximum number of attempts of a request while the server does not answer.
        wait_s: wait before the second attempt, in seconds; doubled for each further attempt.

    Raises:
        ValueError: invalid settings.
    """

    lists_finished = True

    def __init__(
        self,
        server: Server,
        *,
        modalities: Sequence[str] = _MODALITIES,
        since_days: int | None = None,
        attempts: int = 5,
        wait_s: float = 1.0,
    ) -> None:
        require("dicomweb_client")
        from dicomweb_client.api import DICOMwebClient

        self.session, self.root = open_session(server), server.root
        # UIDs are checked here: a film may have one that is not valid, and archives have it all the same.
        self.client = DICOMwebClient(self.root, session=self.session, timeout=TIMEOUTS_S, permissive_uid=True)
        self.client.set_http_retry_params(retry=False)
        self.modalities, self.since_days = modalities, since_days
        self.attempts, self.wait_s = attempts, wait_s

    def ask(self, request: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        """Return the result of a request.

        Raises:
            RefusedInput: see :func:`.refusals.ask`.
        """

        def quietly() -> Result:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # warnings of pydicom quote values
                return request(*arguments, **options)

        return ask(quietly, attempts=self.attempts, wait_s=self.wait_s)

    def studies(self, since: date) -> dict[str, int]:
        """Return the StudyInstanceUID of each study with a radiograph -> number of instances, 0 where not reported.

        Args:
            since: day from which ``since_days`` are counted back, so that no study since then is missed.

        Raises:
            RefusedInput: see :func:`.refusals.ask`.
        """
        dates = {}
        if self.since_days is not None:
            dates["StudyDate"] = f"{since - timedelta(self.since_days):%Y%m%d}-"
        found: dict[str, int] = {}
        for modality in self.modalities:
            filters = {"ModalitiesInStudy": modality, **dates}
            fields = ["NumberOfStudyRelatedInstances"]
            options = {"search_filters": filters, "fields": fields}
            for uid, study in self.pages(_STUDY_UID, self.client.search_for_studies, **options).items():
                found[uid] = max(int(number(value(study, _STUDY_INSTANCES)) or 0), 0)
        return found

    def pages(self, key: str, search: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
        """Return the results of a search by their UID; pages are requested until one is empty.

        A server may send fewer results in a page than asked for: because of a limit of its own, or because it merged
        duplicates. The next page then begins behind the results that were sent, and may repeat some of them.

        Args:
            key: tag of the UID that identifies a result.
            search: method of the client.
            arguments: arguments of the method.
            options: options of the method.

        Raises:
            RefusedInput: ``PACS_RESPONSE`` for too many results, or see :func:`.refusals.ask`.
        """
        found: dict[str, Any] = {}
        offset, nameless, is_paged = 0, 0, False
        while page := self.page(search, *arguments, **options, offset=offset):
            if offset + len(page) > _MAX_RESULTS:
                raise _refusal(
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
                if self.page(search, *arguments, **options, offset=_MAX_RESULTS):
                    break
                is_paged = True
            offset += len(page)
        if nameless:
            logger.warning("%d results of a search in the PACS were left out; expected a UID, found none", nameless)
        return found

    def page(self, search: Callable[..., Any], *arguments: Any, offset: int, **options: Any) -> list[Any]:
        """Return one page of a search; no results where the server does not continue a search.

        Raises:
            RefusedInput: ``PACS_RESPONSE`` for a response that is not a list, or see :func:`.refusals.ask`.
        """
        try:
            page = self.ask(search, *arguments, **options, limit=_PAGE, offset=offset)
        except RefusedInput as refused:
            if not offset or refused.code not in (GONE, REFUSED):
                raise
            logger.warning("a search in the PACS ended at %d results: %s", offset, refused.found)
            return []
        if not isinstance(page, list):
            raise unreadable("a search result of another form", "a list")
        return page

    def find_images(self, study_uid: str) -> list[tuple[str, str]]:
        """Return (SeriesInstanceUID, SOPInstanceUID) of the radiographs in a study, without enhanced images.

        Raises:
            RefusedInput: ``NO_STUDY``, ``NO_IMAGE`` or ``STUDY_SIZE``, or see :func:`.refusals.ask`.
        """
        if not IDENTIFIER.fullmatch(study_uid):
            raise unreadable("a study that cannot be asked for", "a UID")
        fields = ["SeriesDescription"]
        series = self.pages(_SERIES_UID, self.client.search_for_series, study_uid, fields=fields)
        if not series:
            raise _refusal(GONE, "the PACS does not have the study", "a study", "no series", "check the UID")
        chosen = [
            uid
            for uid, one in series.items()
            if value(one, _MODALITY) in ("", *self.modalities) and value(one, _DESCRIPTION) != SERIES_DESCRIPTION
        ]
        images: dict[str, str] = {}
        for series_uid in filter(_can_be_asked_for, chosen):
            found = self.pages(_SOP_UID, self.client.search_for_instances, study_uid, series_uid)
            images |= dict.fromkeys(filter(_can_be_asked_for, found), series_uid)
        if not images:
            raise _refusal(
                "NO_IMAGE", "the study has no radiograph", " or ".join(self.modalities), f"{len(series)} other series",
                "name a study with a chest radiograph",
            )  # fmt: skip
        if len(images) > MAX_IMAGES:
            raise _refusal(
                "STUDY_SIZE", "the study is too large", f"at most {MAX_IMAGES} radiographs", f"{len(images)}",
                "check the study; export the film and name its file",
            )  # fmt: skip
        return [(series_uid, sop_uid) for sop_uid, series_uid in images.items()]

    def films(self, study_uid: str) -> list[str]:
        """Return the SOPInstanceUID of each radiograph of a study.

        Raises:
            RefusedInput: see :meth:`find_images`.
        """
        return [sop_uid for _, sop_uid in self.find_images(study_uid)]

    def fetch(self, study_uid: str, folder: Path) -> list[Failure]:
        """Download the radiographs of a study as ``000001.dcm``, …, in their stored encoding.

        Args:
            study_uid: StudyInstanceUID.
            folder: existing folder; file names are counted, never taken from the server.

        Returns:
            A failure for each image that could not be fetched.

        Raises:
            RefusedInput: no image could be fetched, or the server does not answer.
        """
        failures: list[Failure] = []
        kept = 0
        images = self.find_images(study_uid)
        for count, (series_uid, sop_uid) in enumerate(images, 1):
            path = folder / f"{count:06}.dcm"
            try:
                parts = self.ask(self.retrieve, study_uid, series_uid, sop_uid)
                self.ask(_keep_instance, parts, path, study_uid, sop_uid)
            except RefusedInput as refused:
                path.unlink(missing_ok=True)
                if refused.code == UNAVAILABLE or (count == len(images) and not kept):
                    raise
                failures.append(Failure.of(str(path), refused.at(path)))
                continue
            kept += 1
        return failures

    def retrieve(self, study_uid: str, series_uid: str, sop_uid: str) -> list[bytes]:
        """Return the parts of a response to WADO-RS; expected is one DICOM file.

        Raises:
            RefusedInput: ``PACS_RESPONSE`` for a response without files.
            requests.RequestException: see :func:`.refusals.ask`.
        """
        response = self.session.get(
            f"{self.root}/studies/{study_uid}/series/{series_uid}/instances/{sop_uid}",
            headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
            timeout=TIMEOUTS_S,
        )
        response.raise_for_status()
        return split_parts(response.content, response.headers.get("Content-Type", ""))

    def has(self, dataset: Dataset) -> bool:
        """Return whether the server has an instance.

        Raises:
            RefusedInput: see :func:`.refusals.ask`.
        """
        uid = str(dataset.SOPInstanceUID)
        study_uid, series_uid = str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID)
        filters = {"SOPInstanceUID": uid}
        try:
            found = self.pages(
                _SOP_UID, self.client.search_for_instances, study_uid, series_uid, search_filters=filters
            )
        except RefusedInput as refused:
            if refused.code == GONE:  # some servers answer 404 for a series that they do not have
                return False
            raise
        return uid in found

    def store(self, study_uid: str, paths: Sequence[Path]) -> int:
        """Store results that the server does not have yet, one at a time; one that it rejects costs the others nothing.

        Args:
            study_uid: StudyInstanceUID; the server must still have the study, so that no study of results alone arises.
            paths: DICOM files.

        Returns:
            Number of results that were stored.

        Raises:
            RefusedInput: see :func:`.refusals.ask`; ``PACS_REFUSED`` also when the server reports that an instance was
                not stored.
        """
        if not self.page(self.client.search_for_series, study_uid, offset=0):
            raise _refusal(GONE, "the PACS does not have the study", "a study", "no series", "check the UID")
        stored, rejected = 0, []
        for path in paths:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            if self.has(dataset):
                continue
            if self.ask(self.send, path.read_bytes()) or self.has(dataset):
                stored += 1
            else:
                rejected.append(f"{UID(dataset.SOPClassUID).name}")
        if rejected:
            raise _refusal(
                REFUSED, "the PACS did not store a result", "no failed instance", ", ".join(rejected),
                "check what the PACS accepts, and its free space",
            )  # fmt: skip
        return stored

    def send(self, content: bytes) -> bool:
        """Send a DICOM file with STOW-RS, and return whether the server reports that it has it now.

        Raises:
            requests.RequestException: see :func:`.refusals.ask`.
        """
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n"
        response = self.session.post(
            f"{self.root}/studies",
            data=b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode())),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary="{boundary}"',
                "Accept": "application/dicom+json",
            },
            timeout=TIMEOUTS_S,
        )
        if response.status_code != _CONFLICT:  # its body says why
            response.raise_for_status()
        return is_stored(response.content, response.status_code == _CONFLICT)

    def forget(self, key: str) -> None:
        """Do nothing, because a PACS keeps its studies."""


def _keep_instance(parts: Sequence[bytes], path: Path, study_uid: str, sop_uid: str) -> None:
    """Write the DICOM file of a fetched instance, with an empty preamble because one can hide an executable.

    Args:
        parts: parts of the response; of several DICOM files, the one with the SOPInstanceUID is used.
        path: path of the new file.
        study_uid: StudyInstanceUID that was asked for.
        sop_uid: SOPInstanceUID that was asked for.

    Raises:
        RefusedInput: ``PACS_RESPONSE`` for an instance of another study, whose results would go to another patient;
            ``OWN_RESULT`` for an image that this software enhanced, to avoid results of results. The search excludes
            such images by their SeriesDescription, which a PACS may change.
    """
    files = [part for part in parts if part[_PREAMBLE_BYTES:].startswith(b"DICM")]  # PS3.10, section 7.1
    if not files:
        raise unreadable("a response without a DICOM file", "a DICOM file")
    for content in files:
        with atomic_write(path) as file:
            file.write(bytes(_PREAMBLE_BYTES) + content[_PREAMBLE_BYTES:])
        dataset = load_dataset(path)
        if len(files) == 1 or cleaned(dataset.get("SOPInstanceUID")) == sop_uid:
            break
    else:
        raise unreadable("other images", "the image that was asked for")
    if cleaned(dataset.get("StudyInstanceUID")) != study_uid:
        raise _refusal(
            NONSENSE, "the PACS sent an image of another study", "the study that was asked for", "another", "report it"
        )
    if is_enhanced(dataset):
        raise _refusal(
            "OWN_RESULT", "an image that this software enhanced", "a radiograph", "a result",
            "nothing; or keep SeriesDescription as it is stored",
        )  # fmt: skip


def _can_be_asked_for(uid: str) -> bool:
    """Return whether a UID can be part of a URL; others are left out, with a warning."""
    if IDENTIFIER.fullmatch(uid):
        return True
    logger.warning("a series or image in the PACS was left out; expected a UID, found one that cannot be asked for")
    return False


def _refusal(code: str, what: str, expected: str, found: str, remedy: str) -> RefusedInput:
    """Return an error that concerns the study as a whole."""
    return RefusedInput(code, what, expected, found, remedy, "study")
