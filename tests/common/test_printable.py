import io
import json
import logging
from pathlib import Path

import pytest
from scripts.common.atomic import write_json
from scripts.common.printable import _SHOWN, PrintableRecord, check_labels, file_stem, printable, quoted, shortened
from scripts.data.class_distribution import format_class_table
from scripts.data.datalist import Datalist

HOSTILE = "a\nerror: b\x1b[2J\r\x00\u202egpj.exe\udce9\x9b"


@pytest.fixture
def log():
    """A logger of this package, and what a handler of somebody else writes of it."""
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(PrintableRecord)
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("scripts.test")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)


def test_what_is_not_printable_becomes_an_escape_and_the_rest_stays():
    assert printable(HOSTILE) == r"a\nerror: b\x1b[2J\r\x00\u202egpj.exe\udce9\x9b"
    assert printable(printable(HOSTILE)) == printable(HOSTILE) and printable(HOSTILE).encode().isascii()
    assert printable(r"Lunge/Ödem 肺 C:\new") == r"Lunge/Ödem 肺 C:\new"


def test_value_keeps_begin_and_end_and_at_most_64_characters():
    assert shortened("x" * _SHOWN) == "x" * _SHOWN
    for huge in ("begin" + "x" * 100_000 + "end", "begin" + "\x1b" * 100_000 + "end"):
        assert (
            len(shortened(huge)) == _SHOWN and shortened(huge).startswith("begin") and shortened(huge).endswith("end")
        )
    assert quoted("a\nb") == r"'a\nb'" and quoted(2) == "2" and len(quoted("x" * 100_000)) == _SHOWN


@pytest.mark.parametrize("name", ["", "a\nb", "a\x1b[31m", "\u202eedema", "e\udce9", "x" * 101, 3, None, {}])
def test_label_that_cannot_be_shown_is_refused_wherever_it_comes_from(name):
    with pytest.raises(ValueError, match=r"^datalist: labels: a name cannot be shown.*rename it$") as error:
        Datalist(["Edema", name], {})
    assert str(error.value).isprintable() and len(str(error.value)) < 200
    check_labels(["Pleural Effusion", "=1+1", "肺炎"], "datalist")


def test_long_label_does_not_widen_the_table_of_classes():
    table = format_class_table(Datalist(["x" * 100], {"test": [{"label": [1.0], "patient_id": "a"}]}))
    assert max(map(len, table.splitlines())) < 160


def test_log_line_cannot_be_forged_by_a_name(log):
    logger, stream = log
    logger.warning("refused: %s", f"{HOSTILE}\n12:00:00 INFO all is well")
    assert stream.getvalue() == f"refused: {printable(HOSTILE)}\\n12:00:00 INFO all is well\n"


def test_table_in_the_log_stays_a_table_and_no_line_of_it_passes_for_another_message(log):
    logger, stream = log
    logger.warning("classes\n%s", "label\x1b[2J\n12:00:00 INFO all is well")
    assert stream.getvalue() == "classes\n    label\\x1b[2J\n    12:00:00 INFO all is well\n"


def test_log_of_other_packages_is_theirs(caplog):
    logging.getLogger("uvicorn.access").warning("\x1b[32mok\x1b[0m")
    assert caplog.messages == ["\x1b[32mok\x1b[0m"]


def test_json_gives_any_text_back_and_holds_only_what_a_terminal_may_show(tmp_path):
    content = {"name": HOSTILE, "other": "Ödem \U000e0001"}
    path = write_json(tmp_path / "x.json", content)
    assert json.loads(path.read_text()) == content
    assert all(line.isprintable() for line in path.read_text().splitlines()) and "Ödem" in path.read_text()


def test_name_of_a_result_is_printable_and_not_too_long(tmp_path):
    for stem in (HOSTILE.replace("\x00", ""), "x" * 250, "肺" * 80, "=cmd", "a: b?", "CON"):
        name = f"00000_{file_stem(tmp_path / f'{stem}.dcm')}"
        assert name.isprintable()
        assert not set(name) & set('<>:"/\\|?*')
        (tmp_path / f"{name}.png").touch()


@pytest.mark.parametrize("stem", ["film.", "film ", "film. ."])
def test_name_of_a_result_has_no_end_that_windows_drops(stem):
    assert file_stem(Path(f"{stem}.dcm")) == "film"
