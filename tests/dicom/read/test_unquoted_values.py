import threading
import warnings

from pydicom import config
from scripts.dicom.objects import load_source
from scripts.dicom.read.radiograph import read_header
from scripts.dicom.read.unquoted_values import unquoted

from ..synthetic import make_dataset, picture, save, window


def test_no_value_of_a_header_is_quoted_in_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = make_dataset(picture(), PatientAge="Secret^Person", StudyID="Secret" * 9, **window())
        film = save(dataset, tmp_path / "film.dcm")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_header(film)
        assert "PatientAge" not in load_source(film).header()
    assert not [one for one in caught if "Secret" in str(one.message)]
    assert config.settings.reading_validation_mode == config.WARN


def test_the_mode_of_the_program_returns_when_the_last_reader_is_done():
    config.settings.reading_validation_mode, entered, leave = config.RAISE, threading.Event(), threading.Event()

    def read():
        with unquoted():
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=read)
    try:
        with unquoted():
            thread.start()
            assert entered.wait(30)
        assert config.settings.reading_validation_mode == config.IGNORE
        leave.set()
        thread.join()
        assert config.settings.reading_validation_mode == config.RAISE
    finally:
        leave.set()
        config.settings.reading_validation_mode = config.WARN
