import itertools

import numpy as np
import pytest
from pydicom.sequence import Sequence
from scripts.dicom import RefusedInput
from scripts.dicom.grid import PixelGrid
from scripts.dicom.objects import Source, load_source

from ..synthetic import save
from .conformant import bare, cr, dx


@pytest.mark.parametrize("steps", [None, *itertools.product([False, True], repeat=3)])
def test_displayed_pixels_go_back_to_where_they_are_stored(steps):
    stored = np.arange(15).reshape(3, 5)
    displayed = PixelGrid(stored.shape, steps).to_displayed(stored)
    np.testing.assert_array_equal(Source(dx(), steps).to_stored(displayed), stored)


def test_invalid_values_are_left_out_and_absent_ones_are_empty():
    dataset = bare()
    dataset.PatientAge, dataset.StudyDate, dataset.PixelSpacing = "62", "yesterday", [0, 0]
    header = Source(dataset, None).header()
    assert "PatientAge" not in header and "PixelSpacing" not in header
    assert header.StudyDate is None or header.StudyDate == ""
    assert "PatientName" in header and not header.PatientName


def test_removed_identity_without_its_method_says_so():
    dataset = dx()
    dataset.PatientIdentityRemoved = "YES"
    assert "not stated" in Source(dataset, None).header().DeidentificationMethod
    dataset.DeidentificationMethod = "by hand"
    assert Source(dataset, None).header().DeidentificationMethod == "by hand"


def test_private_attributes_do_not_go_along():
    dataset = dx()
    dataset.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "private")
    item = bare()
    item.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "private")
    dataset.ReferencedStudySequence = Sequence([item])
    assert "VENDOR" not in str(Source(dataset, None).header())


def test_image_without_identity_is_refused(tmp_path):
    dataset = dx()
    dataset.StudyInstanceUID = ""
    source = load_source(save(dataset, tmp_path / "source.dcm"))
    with pytest.raises(RefusedInput, match="StudyInstanceUID") as refusal:
        source.require_identity()
    assert refusal.value.code == "NO_IDENTITY"


def test_changing_a_copy_of_the_header_leaves_the_source_alone():
    source = Source(dx(), None)
    uid, digest = source.dataset.SOPInstanceUID, source.digest()
    source.header().SOPInstanceUID = "1.2.3"
    assert source.dataset.SOPInstanceUID == uid and source.digest() == digest


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("uid", ["1.2.840.0001.05.3", "1.2.abc.4", f"1.2.{'3' * 70}"])
def test_invalid_uid_is_kept_because_archives_have_filed_the_film_under_it(keyword, uid, tmp_path):
    dataset = cr()
    setattr(dataset, keyword, uid)
    source = load_source(save(dataset, tmp_path / "source.dcm"))
    source.require_identity()
    assert source.header()[keyword].value == uid


@pytest.mark.parametrize("uid", ["../../1", "1.2\\1.3", "1 2", "", "é", "1" * 300])
def test_identifier_that_no_archive_can_be_asked_for_is_refused(uid, tmp_path):
    dataset = cr()
    dataset.StudyInstanceUID = uid
    with pytest.raises(RefusedInput, match="no usable StudyInstanceUID"):
        load_source(save(dataset, tmp_path / "source.dcm")).require_identity()


@pytest.mark.parametrize(
    ("stored", "expected"), [("U", ""), ("X", ""), ("MALE", "M"), ("Female", "F"), ("m", "M"), ("O", "O"), ("?", "")]
)
def test_sex_is_one_of_three_or_not_known(stored, expected):
    dataset = dx()
    dataset.PatientSex = stored
    assert (Source(dataset, None).header().PatientSex or "") == expected


def test_modality_is_that_of_the_class_where_it_is_missing():
    for make, modality in ((cr, "CR"), (dx, "DX")):
        dataset = make()
        dataset.Modality = "x-ray"
        assert Source(dataset, None).header().Modality == modality
