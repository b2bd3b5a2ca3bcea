import pydicom
from scripts.dicom.objects import Algorithm, load_source, write_findings_report

from ..synthetic import save
from .conformant import ALGORITHM, dx


def report(dataset, folder, algorithm=ALGORITHM, probabilities=(0.25,)):
    source = load_source(save(dataset, folder / "source.dcm"))
    write_findings_report(source, ["Mass"], probabilities, folder / "out.dcm", algorithm=algorithm)
    return pydicom.dcmread(folder / "out.dcm")


def test_corrected_patient_gives_another_object_of_the_same_series(tmp_path):
    first = report(dx(), tmp_path)
    corrected = dx()
    corrected.PatientName = "Corrected^Name"
    second = report(corrected, tmp_path)
    assert second.PatientName == "Corrected^Name"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID


def test_other_weights_give_another_series(tmp_path):
    first = report(dx(), tmp_path)
    second = report(dx(), tmp_path, Algorithm(ALGORITHM.version, "f" * 64))
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert second.DeviceSerialNumber == "f" * 16


def test_last_bits_of_a_probability_do_not_multiply_objects(tmp_path):
    first, second, third = (report(dx(), tmp_path, probabilities=[p]) for p in (0.25, 0.25 + 1e-9, 0.2501))
    assert first.SOPInstanceUID == second.SOPInstanceUID != third.SOPInstanceUID


def test_odd_series_and_instance_numbers_are_survived(tmp_path):
    dataset = dx()
    dataset.SeriesNumber, dataset.InstanceNumber = -3, 0
    written = report(dataset, tmp_path)
    assert written.SeriesNumber == 9003 and written.InstanceNumber == 1
