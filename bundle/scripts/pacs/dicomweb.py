"""DICOMweb client: QIDO-RS, WADO-RS and STOW-RS (PS3.18, section 10) through dicomweb-client."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pydicom
from pydicom.dataset import Dataset

from ..common.atomic import atomic_write
from ..common.failures import Failure
from ..dicom import RefusedInput
from ..dicom.header import number
from ..dicom.objects.derived_image import SERIES_DESCRIPTION, is_enhanced
from .deadline import TIMEOUTS_S
from .refusals import GONE, NONSENSE, REFUSED, UNAVAILABLE, ask
from .session import Server, open_session, require

_MODALITIES = ("CR", "DX")
MAX_IMAGES = 64
_MAX_RESULTS = 100_000  # results of one search
_PAGE = 100

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

        self.client = DICOMwebClient(server.url, session=open_session(server), timeout=TIMEOUTS_S)
        self.client.set_http_retry_params(retry=False)
        self.modalities, self.since_days = modalities, since_days
        self.attempts, self.wait_s = attempts, wait_s

    def ask(self, request: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        """Return the result of a method of the client.

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
            for study in self.pages(self.client.search_for_studies, search_filters=filters, fields=fields):
                uid = str(study.get("StudyInstanceUID") or "")
                if uid:
                    found[uid] = int(number(study.get("NumberOfStudyRelatedInstances")) or 0)
        return found

    def pages(self, search: Callable[..., list[dict]], *arguments: Any, **options: Any) -> Iterator[Dataset]:
        """Yield the results of a search, requested page by page.

        Raises:
            RefusedInput: ``PACS_RESPONSE`` for too many results, or see :func:`.refusals.ask`.
        """
        offset, last = 0, None
        while True:
            page = self.ask(search, *arguments, **options, limit=_PAGE, offset=offset)
            if not page or page == last:
                return
            if offset + len(page) > _MAX_RESULTS:
                raise _refusal(
                    NONSENSE, "a search in the PACS has too many results", f"at most {_MAX_RESULTS}", "more",
                    "search fewer days",
                )  # fmt: skip
            yield from self.ask(lambda page=page: [Dataset.from_json(item) for item in page])
            if len(page) < _PAGE:
                return
            offset, last = offset + len(page), page

    def find_images(self, study_uid: str) -> list[tuple[str, str]]:
        """SeriesInstanceUID and SOPInstanceUID of a study's radiographs, without those that this software made.

        Raises:
            RefusedInput: ``NO_STUDY``, ``NO_IMAGE`` or ``STUDY_SIZE``, or see :func:`.refusals.ask`.
        """
        fields = ["SeriesDescription"]
        series = list(self.pages(self.client.search_for_series, study_uid, fields=fields))
        if not series:
            raise _refusal(GONE, "the PACS does not have the study", "a study", "no series", "check the UID")
        chosen = [
            str(one.get("SeriesInstanceUID"))
            for one in series
            if one.get("Modality") in self.modalities and one.get("SeriesDescription") != SERIES_DESCRIPTION
        ]
        images = [
            (uid, str(image.get("SOPInstanceUID")))
            for uid in chosen
            for image in self.pages(self.client.search_for_instances, study_uid, uid)
        ]
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
        return images

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
                dataset = self.ask(self.client.retrieve_instance, study_uid, series_uid, sop_uid)
                content = self.ask(_encoded, dataset, study_uid)
            except RefusedInput as refused:
                if refused.code == UNAVAILABLE or (count == len(images) and not kept):
                    raise
                failures.append(Failure.of(str(path), refused.at(path)))
                continue
            with atomic_write(path) as file:
                file.write(content)
            kept += 1
        return failures

    def has(self, dataset: Dataset) -> bool:
        """Return whether the server has an instance.

        Raises:
            RefusedInput: see :func:`.refusals.ask`.
        """
        uid = str(dataset.SOPInstanceUID)
        try:
            found = self.ask(
                self.client.search_for_instances,
                str(dataset.StudyInstanceUID),
                str(dataset.SeriesInstanceUID),
                search_filters={"SOPInstanceUID": uid},
            )
        except RefusedInput as refused:
            if refused.code == GONE:  # some servers answer 404 for a series that they do not have
                return False
            raise
        return any(Dataset.from_json(item).get("SOPInstanceUID") == uid for item in found)

    def store(self, study_uid: str, paths: Sequence[Path]) -> int:
        """Store results that the server does not have yet, one at a time.

        Args:
            study_uid: StudyInstanceUID; the server must still have the study, so that no study of results alone arises.
            paths: DICOM files.

        Returns:
            Number of results that were stored.

        Raises:
            RefusedInput: see :func:`.refusals.ask`; ``PACS_REFUSED`` also when the server reports that an instance was
                not stored.
        """
        self.find_images(study_uid)
        stored = 0
        for path in paths:
            dataset = pydicom.dcmread(path)
            if self.has(dataset):
                continue
            answer = self.ask(self.client.store_instances, [dataset])
            if answer.get("FailedSOPSequence"):
                raise _refusal(
                    REFUSED, "the PACS did not store a result", "no failed instance", "one",
                    "check what the PACS accepts, and its free space",
                )  # fmt: skip
            stored += 1
        return stored

    def forget(self, key: str) -> None:
        """Do nothing, because a PACS keeps its studies."""


def _encoded(dataset: Dataset, study_uid: str) -> bytes:
    """Return the DICOM file of a fetched instance.

    Raises:
        RefusedInput: ``PACS_RESPONSE`` for an instance of another study, whose results would go to another patient;
            ``OWN_RESULT`` for an image that this software enhanced, to avoid results of results. The search excludes
            such images by their SeriesDescription, which a PACS may change.
    """
    if str(dataset.get("StudyInstanceUID", "")) != study_uid:
        raise _refusal(
            NONSENSE, "the PACS sent an image of another study", "the study that was asked for", "another", "report it"
        )
    if is_enhanced(dataset):
        raise _refusal(
            "OWN_RESULT", "an image that this software enhanced", "a radiograph", "a result",
            "nothing; or keep SeriesDescription as it is stored",
        )  # fmt: skip
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _refusal(code: str, what: str, expected: str, found: str, remedy: str) -> RefusedInput:
    """Return an error that concerns the study as a whole."""
    return RefusedInput(code, what, expected, found, remedy, "study")
