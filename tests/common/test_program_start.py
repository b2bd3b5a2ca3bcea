import logging
import warnings

import pytest
from pydicom.dataset import Dataset
from scripts.common.program_start import start_program


@pytest.fixture(autouse=True)
def restored():
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    logging.setLogRecordFactory(factory)


def test_a_name_with_a_line_break_is_one_line_of_the_log(caplog):
    for expected in ("film\nname", "film\\nname"):
        logging.getLogger("scripts.test").warning("%s", "film\nname")
        assert caplog.messages[-1] == expected
        start_program()


def test_pydicom_does_not_quote_values_on_the_terminal():
    def read_wrong_value():
        dataset = Dataset()
        dataset.add_new("PatientAge", "AS", "Secret^Person")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_wrong_value()
        assert any("Secret" in str(one.message) for one in caught)
        caught.clear()
        start_program()
        read_wrong_value()
        assert caught == []
