import highdicom as hd
import numpy as np
import pydicom
import pytest
from scripts.dicom.objects import load_source, write_findings_report

from .conformant import ALGORITHM

LABELS = ["Mass", "Pneumothorax", "Infiltration", "No Finding"]
PROBABILITIES = [0.0, 1.0, 0.123456, 1 / 3]


@pytest.fixture
def report(source_file, tmp_path):
    path = tmp_path / "out" / "findings.dcm"
    write_findings_report(load_source(source_file), LABELS, PROBABILITIES, path, algorithm=ALGORITHM)
    return hd.sr.srread(path)


def test_probabilities_and_codes_read_back(report):
    groups = report.content.get_image_measurement_groups()
    found = {}
    for group in groups:
        (measurement,) = group.get_measurements()
        assert measurement.name.meaning == "Certainty of Finding" and measurement.unit.value == "%"
        found[group.finding_type.value, group.finding_type.scheme_designator] = float(measurement.value) / 100
    expected = [("4147007", "SCT"), ("36118008", "SCT"), ("112121", "DCM"), ("no-finding", "99CXRASR")]
    assert list(found) == expected
    np.testing.assert_allclose(list(found.values()), PROBABILITIES, atol=1e-6)


def test_spread_of_several_networks_is_a_standard_deviation_of_the_probability(source_file, tmp_path):
    alone, several = tmp_path / "alone.dcm", tmp_path / "several.dcm"
    source, spreads = load_source(source_file), [0.0, 0.25, 0.01, 0.123456]
    first = write_findings_report(source, LABELS, PROBABILITIES, alone, algorithm=ALGORITHM)
    second = write_findings_report(source, LABELS, PROBABILITIES, several, algorithm=ALGORITHM, spreads=spreads)
    assert first != second  # another content is another object
    for group, probability, spread in zip(
        hd.sr.srread(several).content.get_image_measurement_groups(), PROBABILITIES, spreads, strict=True
    ):
        plain, deviation = group.get_measurements()
        assert plain.derivation is None and float(plain.value) / 100 == pytest.approx(probability, abs=1e-6)
        assert deviation.name == plain.name and deviation.unit == plain.unit
        assert (deviation.derivation.value, deviation.derivation.scheme_designator) == ("386136009", "SCT")
        assert float(deviation.value) / 100 == pytest.approx(spread, abs=1e-6)


def test_it_says_what_it_is_and_what_made_it(report, source_file):
    source = pydicom.dcmread(source_file)
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert [item.ReferencedSOPInstanceUID for item in evidence] == [source.SOPInstanceUID]
    group = report.content.get_image_measurement_groups()[0]
    assert group.source_images[0].referenced_sop_instance_uid == source.SOPInstanceUID
    texts = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.TextValue
        for item in group[0].ContentSequence
        if "TextValue" in item
    }
    assert (texts["Algorithm Name"], texts["Algorithm Version"]) == ("cxr-attention-sr", ALGORITHM.version)
    assert texts["Algorithm Parameters"] == f"weights sha256 {ALGORITHM.weights_sha256}"
    assert report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99CXRASR"


def test_labels_and_probabilities_must_match(source_file, tmp_path):
    with pytest.raises(ValueError, match="shorter"):
        write_findings_report(load_source(source_file), LABELS, [0.5], tmp_path / "x.dcm", algorithm=ALGORITHM)
