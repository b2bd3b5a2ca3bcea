import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from scripts.dicom import RefusedInput, read_radiograph, write_enhanced, write_png16

from ..synthetic import SHARED_DICOM, lut_item, make_dataset, picture, save, window

STORED = picture()
ARGUMENTS = {"description": "attention-guided super-resolution", "software": "cxr-attention-sr 0.1"}


@pytest.fixture
def source(tmp_path):
    dataset = make_dataset(
        STORED, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE", PixelPaddingValue=4095,
        RescaleSlope=2, RescaleIntercept=-7, BurnedInAnnotation="NO", LossyImageCompression="01", SeriesNumber=3,
        SmallestImagePixelValue=0, ShutterLeftVerticalEdge=5, ImageLaterality="U", PixelIntensityRelationship="LOG",
        **window(),
    )  # fmt: skip
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "43799004", "SCT", "Thorax"
    dataset.AnatomicRegionSequence = [region]
    dataset.VOILUTSequence = [lut_item(np.arange(4096), 12)]
    dataset.add_new(0x60000010, "US", 8)
    dataset.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "private")
    return save(dataset, tmp_path / "source.dcm")


def test_every_stored_value_reads_back_exactly(tmp_path):
    source = save(make_dataset(np.tile(STORED, (3, 4))[:256, :256]), tmp_path / "source.dcm")
    image = (np.arange(65536).reshape(256, 256) / 65535).astype(np.float32)
    write_enhanced(source, image, tmp_path / "out.dcm", **ARGUMENTS)
    np.testing.assert_array_equal(read_radiograph(tmp_path / "out.dcm").image[0], image)
    assert pydicom.dcmread(tmp_path / "out.dcm").pixel_array.tolist() == np.arange(65536).reshape(256, 256).tolist()


def test_round_trip_of_a_radiograph(source, tmp_path):
    radiograph = read_radiograph(source)
    uid_hash = write_enhanced(source, radiograph.image, tmp_path / "out" / "x.dcm", **ARGUMENTS)
    back = read_radiograph(tmp_path / "out" / "x.dcm")
    assert np.abs(back.image - radiograph.image).max() <= 0.5 / 65535 + 1e-7
    assert back.meta["uid_hash"] == uid_hash != radiograph.meta["uid_hash"]
    assert back.meta["spacing_mm"] == radiograph.meta["spacing_mm"]


def test_attributes(source, tmp_path):
    image = np.kron(read_radiograph(source).image[0], np.ones((2, 2), np.float32))
    write_enhanced(source, image, tmp_path / "x.dcm", **ARGUMENTS)
    original, derived = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "x.dcm")
    assert (tmp_path / "x.dcm").read_bytes()[:128] == b"\0" * 128
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "Modality", "SOPClassUID", "BodyPartExamined"):
        assert derived[keyword].value == original[keyword].value
    assert derived.SOPInstanceUID != original.SOPInstanceUID
    assert derived.SeriesInstanceUID != original.SeriesInstanceUID
    assert derived.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert derived.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert list(derived.ImageType) == ["DERIVED", "SECONDARY"]
    assert derived.SeriesDescription == "AI-enhanced, synthetic detail, not for primary diagnosis"
    assert "not for primary diagnosis" in derived.ImageComments
    assert derived.DerivationDescription == ARGUMENTS["description"]
    assert [float(value) for value in derived.ImagerPixelSpacing] == [0.1, 0.1]
    assert (derived.LossyImageCompression, derived.BurnedInAnnotation) == ("01", "NO")
    assert (derived.PhotometricInterpretation, derived.PresentationLUTShape) == ("MONOCHROME2", "IDENTITY")
    assert (derived.Rows, derived.Columns, derived.BitsStored) == (192, 128, 16)
    for keyword in ("VOILUTSequence", "PixelPaddingValue", "SmallestImagePixelValue", "ShutterLeftVerticalEdge"):
        assert keyword not in derived
    assert not any(element.tag.is_private or element.tag.group == 0x6000 for element in derived)


def test_equal_input_gives_an_equal_file(source, tmp_path):
    image = read_radiograph(source).image[0]
    names = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    first, second = (write_enhanced(source, image, name, **ARGUMENTS) for name in names)
    assert first == second
    assert names[0].read_bytes() == names[1].read_bytes()
    assert write_enhanced(source, 1 - image, names[1], **ARGUMENTS) != first


def test_turned_image_says_so(tmp_path):
    pixels = np.ascontiguousarray(STORED.T)
    source = save(make_dataset(pixels, PatientOrientation=["F", "L"], **window()), tmp_path / "source.dcm")
    radiograph = read_radiograph(source)
    write_enhanced(source, radiograph.image, tmp_path / "x.dcm", **ARGUMENTS)
    back = read_radiograph(tmp_path / "x.dcm")
    assert np.abs(back.image - radiograph.image).max() <= 0.5 / 65535 + 1e-7
    assert back.meta["spacing_mm"] == radiograph.meta["spacing_mm"] == [0.2, 0.2]


def test_refuses_other_sources_and_sizes(source, tmp_path):
    write_png16(np.eye(8), tmp_path / "x.png")
    with pytest.raises(RefusedInput) as refusal:
        write_enhanced(tmp_path / "x.png", np.eye(8), tmp_path / "y.dcm", **ARGUMENTS)
    assert refusal.value.code == "NOT_DICOM"
    with pytest.raises(ValueError, match="proportions"):
        write_enhanced(source, np.eye(8), tmp_path / "y.dcm", **ARGUMENTS)
    assert not (tmp_path / "y.dcm").exists()


def test_sequences_of_a_big_endian_source(tmp_path):
    item = Dataset()
    item.add_new("SamplesPerPixel", "US", 0x0102)  # any number of two bytes
    dataset = make_dataset(STORED.astype(">u2"), **window())
    dataset.RequestAttributesSequence = [item]
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    source = save(dataset, tmp_path / "source.dcm")
    radiograph = read_radiograph(source)
    np.testing.assert_allclose(radiograph.image[0], STORED / 4095, atol=1e-7)
    write_enhanced(source, radiograph.image, tmp_path / "x.dcm", **ARGUMENTS)
    assert pydicom.dcmread(tmp_path / "x.dcm").RequestAttributesSequence[0].SamplesPerPixel == 0x0102


@pytest.mark.skipif(not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository")
def test_real_files_round_trip(tmp_path):
    for path in [
        *(SHARED_DICOM / "derived").glob("*.dcm"),
        SHARED_DICOM / "chest" / "siim_cr_pa_jpegbaseline_8bit.dcm",
    ]:
        radiograph = read_radiograph(path)
        write_enhanced(path, radiograph.image, tmp_path / "x.dcm", **ARGUMENTS)
        assert np.abs(read_radiograph(tmp_path / "x.dcm").image - radiograph.image).max() < 1 / 65535, path.name


def test_times_and_steps_of_the_old_series_are_not_claimed_for_the_new_one(source, tmp_path):
    original = pydicom.dcmread(source)
    original.SeriesDate, original.PerformedProcedureStepID, original.StudyDate = "20200101", "P1", "20191231"
    source = save(original, tmp_path / "dated.dcm")
    write_enhanced(source, read_radiograph(source).image, tmp_path / "x.dcm", **ARGUMENTS)
    derived = pydicom.dcmread(tmp_path / "x.dcm")
    assert "SeriesDate" not in derived and "PerformedProcedureStepID" not in derived
    assert derived.StudyDate == "20191231"


def test_other_classes_become_secondary_captures(tmp_path):
    dataset = make_dataset(STORED, SOPClassUID=pydicom.uid.XRayRadiofluoroscopicImageStorage, **window())
    source = save(dataset, tmp_path / "source.dcm")
    write_enhanced(source, read_radiograph(source).image, tmp_path / "x.dcm", **ARGUMENTS)
    derived = pydicom.dcmread(tmp_path / "x.dcm")
    assert derived.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage
    assert derived.ConversionType == "WSD"


@pytest.mark.parametrize("orientation", [["L", "F"], ["R", "F"]])
def test_oblong_pixels_give_objects_with_square_ones(tmp_path, orientation):
    pixels = np.tile(STORED, (1, 3))  # 96 x 192
    attributes = {"PatientOrientation": orientation, "ImagerPixelSpacing": [0.4, 0.2], "PixelSpacing": [0.4, 0.2]}
    source = save(make_dataset(pixels, **attributes, **window()), tmp_path / "source.dcm")
    radiograph = read_radiograph(source)
    assert radiograph.image.shape == (1, 192, 192) and radiograph.meta["spacing_mm"] == [0.2, 0.2]
    enhanced = np.kron(radiograph.image[0], np.ones((2, 2), np.float32))
    write_enhanced(source, enhanced, tmp_path / "x.dcm", **ARGUMENTS)
    derived, back = pydicom.dcmread(tmp_path / "x.dcm"), read_radiograph(tmp_path / "x.dcm")
    assert back.image.shape == (1, 384, 384) and back.meta["flags"] == []
    assert back.meta["spacing_mm"] == [0.1, 0.1]
    assert [float(step) for step in derived.PixelSpacing] == [0.1, 0.1] and "PixelAspectRatio" not in derived


def test_pixel_aspect_ratio_does_not_outlive_its_pixels(tmp_path):
    attributes = {"ImagerPixelSpacing": None, "PixelAspectRatio": [2, 1]}
    source = save(make_dataset(np.tile(STORED, (1, 3)), **attributes, **window()), tmp_path / "source.dcm")
    write_enhanced(source, read_radiograph(source).image, tmp_path / "x.dcm", **ARGUMENTS)
    assert read_radiograph(tmp_path / "x.dcm").image.shape == (1, 192, 192)
    assert "PixelAspectRatio" not in pydicom.dcmread(tmp_path / "x.dcm")
