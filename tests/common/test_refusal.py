import pickle

from scripts.dicom import RefusedInput


def test_message_and_attributes():
    refusal = RefusedInput("NO_PIXELS", "no image", "PixelData", "RT Plan", "select the image").at("a.dcm")
    assert (refusal.code, refusal.remedy) == ("NO_PIXELS", "select the image")
    assert str(refusal) == "a.dcm: no image; expected PixelData, found RT Plan; do: select the image"
    assert isinstance(refusal, ValueError)


def test_survives_a_worker_process():
    refusal = RefusedInput("CONSTANT", "empty", "x", "y", "z", "a.png")
    assert str(pickle.loads(pickle.dumps(refusal))) == str(refusal)
