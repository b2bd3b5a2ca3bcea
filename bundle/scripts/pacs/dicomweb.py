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

from ..common.failures import Failure
from ..dicom import RefusedInput
from ..dicom.header import number
from ..dicom.objects.derived_image import SERIES_DESCRIPTION
from ..dicom.objects.source import IDENTIFIER
from .deadline import TIMEOUTS_S
from .dicom_json import is_stored, value
from .fetched_image import keep_image
from .multipart import split_parts
from .paged_search import PagedSearch
from .refusals import GONE, REFUSED, UNAVAILABLE, ask, study_refusal, unreadable
from .session import Server, open_session, require

logger = logging.getLogger(__name__)

_MODALITIES = ("CR", "DX")
MAX_IMAGES = 64
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
        self.search = PagedSearch(self.ask)

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
            for uid, study in self.search.results(_STUDY_UID, self.client.search_for_studies, **options).items():
                found[uid] = max(int(number(value(study, _STUDY_INSTANCES)) or 0), 0)
        return found

    def find_images(self, study_uid: str) -> list[tuple[str, str]]:
        """Return (SeriesInstanceUID, SOPInstanceUID) of the radiographs in a study, without enhanced images.

        Raises:
            RefusedInput: ``NO_STUDY``, ``NO_IMAGE`` or ``STUDY_SIZE``, or see :func:`.refusals.ask`.
        """
        if not IDENTIFIER.fullmatch(study_uid):
            raise unreadable("a study that cannot be asked for", "a UID")
        fields = ["SeriesDescription"]
        series = self.search.results(_SERIES_UID, self.client.search_for_series, study_uid, fields=fields)
        if not series:
            raise study_refusal(GONE, "the PACS does not have the study", "a study", "no series", "check the UID")
        chosen = [
            uid
            for uid, one in series.items()
            if value(one, _MODALITY) in ("", *self.modalities) and value(one, _DESCRIPTION) != SERIES_DESCRIPTION
        ]
        images: dict[str, str] = {}
        for series_uid in filter(_can_be_asked_for, chosen):
            found = self.search.results(_SOP_UID, self.client.search_for_instances, study_uid, series_uid)
            images |= dict.fromkeys(filter(_can_be_asked_for, found), series_uid)
        if not images:
            raise study_refusal(
                "NO_IMAGE", "the study has no radiograph", " or ".join(self.modalities), f"{len(series)} other series",
                "name a study with a chest radiograph",
            )  # fmt: skip
        if len(images) > MAX_IMAGES:
            raise study_refusal(
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
                self.ask(keep_image, parts, path, study_uid, sop_uid)
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
            found = self.search.results(
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
        if not self.search.page(self.client.search_for_series, study_uid, offset=0):
            raise study_refusal(GONE, "the PACS does not have the study", "a study", "no series", "check the UID")
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
            raise study_refusal(
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


def _can_be_asked_for(uid: str) -> bool:
    """Return whether a UID can be part of a URL; others are left out, with a warning."""
    if IDENTIFIER.fullmatch(uid):
        return True
    logger.warning("a series or image in the PACS was left out; expected a UID, found one that cannot be asked for")
    return False
