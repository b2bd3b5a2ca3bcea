"""Probabilities as a Comprehensive 3D SR: Measurement Report (PS3.16 TID 1500), one group per finding (TID 1501)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.uid import generate_uid

from .algorithm import MANUFACTURER, Algorithm, instance_uid, made_by, save_again
from .codes import PRIVATE_SCHEME, PRIVATE_SCHEME_NAME, finding_code
from .source import Source

if TYPE_CHECKING:
    from highdicom.sr import MeasurementReport
    from pydicom.dataset import Dataset

_SERIES_DESCRIPTION = "AI findings, research use only, not for diagnosis"
# Decimals of a probability, as in predictions.csv; smaller differences must not give another object.
_DECIMALS = 6


def write_findings_report(
    source: Source,
    labels: Sequence[str],
    probabilities: Sequence[float],
    destination: Path,
    *,
    algorithm: Algorithm,
    spreads: Sequence[float] | None = None,
) -> str:
    """Write the findings as an unverified, preliminary report of the source's study.

    Args:
        source: image that was classified.
        labels: names of the C labels.
        probabilities: C values in [0, 1].
        destination: path of the new file.
        algorithm: software and weights that computed the probabilities.
        spreads: C standard deviations of the probabilities over networks that predict as one; ``None`` for one network.

    Returns:
        SOPInstanceUID of the object.

    Raises:
        RefusedInput: ``NO_IDENTITY`` for a source without UIDs.
        ValueError: the numbers of labels, probabilities and spreads differ.
    """
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import Comprehensive3DSR

    source.require_identity()
    columns = [probabilities] if spreads is None else [probabilities, spreads]
    values = [[round(float(value), _DECIMALS) for value in column] for column in columns]
    findings = list(zip(labels, *values, strict=True))
    header = source.header()
    sop_uid = instance_uid(source, "findings", f"{algorithm}", json.dumps(findings))
    report = Comprehensive3DSR(
        evidence=[header],
        content=_measurement_report(header, findings, algorithm, sop_uid),
        sop_instance_uid=sop_uid,
        is_complete=True,
        is_final=False,
        is_verified=False,
        coding_schemes=[CodingSchemeIdentificationItem(PRIVATE_SCHEME, PRIVATE_SCHEME_NAME)],
        series_description=_SERIES_DESCRIPTION,
        **made_by(source, "findings", algorithm),
    )
    save_again(report, destination)
    return sop_uid


def _measurement_report(
    header: Dataset, findings: Sequence[tuple], algorithm: Algorithm, sop_uid: str
) -> MeasurementReport:
    """Return the content tree: observer, procedure, and one measurement group per finding.

    A finding is (label, probability) or (label, probability, spread).
    """
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=[MANUFACTURER, "device", f"{algorithm}"]),
        name=algorithm.name,
        manufacturer_name=MANUFACTURER,
        model_name=algorithm.name,
        serial_number=algorithm.serial,
    )
    observer = ObserverContext(codes.DCM.Device, device)
    # highdicom's optional image library (TID 1600) needs both attributes; the groups refer to the image in any case.
    is_described = bool(header.get("PatientOrientation") and header.get("ImagerPixelSpacing"))
    groups = [_finding_group(header, label, values, algorithm, sop_uid) for label, *values in findings]
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.ChestImaging,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[header] if is_described else None,
    )


def _finding_group(header: Dataset, label: str, values: Sequence[float], algorithm: Algorithm, sop_uid: str) -> Any:
    """Return the measurement group (TID 1501) of a finding with its probability and, if given, its spread, in percent.

    The probability is coded as in the CAD templates (TID 4104, row 12): (111012, DCM, "Certainty of Finding"). The
    spread is the same measurement with the derivation (TID 300, row 5) (386136009, SCT, "Standard Deviation").
    """
    from highdicom.sr import (
        AlgorithmIdentification,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes

    identification = AlgorithmIdentification(
        name=algorithm.name,
        version=algorithm.version,
        parameters=[f"weights sha256 {algorithm.weights_sha256}"],
        family=codes.DCM.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )
    measurements = [
        Measurement(
            name=codes.DCM.CertaintyOfFinding,
            value=round(100 * value, _DECIMALS - 2),
            unit=codes.UCUM.Percent,
            derivation=derivation,
        )
        for value, derivation in zip(values, (None, codes.SCT.StandardDeviation), strict=False)
    ]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=generate_uid(entropy_srcs=[sop_uid, label]), identifier=label),
        finding_type=finding_code(label),
        algorithm_id=identification,
        measurements=measurements,
        source_images=[SourceImageForMeasurementGroup.from_source_image(header)],
    )
