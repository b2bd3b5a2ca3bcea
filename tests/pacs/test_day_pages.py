from datetime import date

import pytest
from scripts.pacs.day_pages import DayPages
from scripts.pacs.journal import Journal
from scripts.pacs.outbox import Outbox
from scripts.pacs.relay import Relay

from ..inference.gallery.films import data_of
from .conftest import film


@pytest.fixture
def relay(web, predictor, tmp_path):
    with Journal(tmp_path / "out") as journal:
        outbox = Outbox(tmp_path / "out", predictor, DayPages(tmp_path / "out", predictor.analysis))
        yield Relay(web, outbox, journal, interval_s=0.001)


def test_each_study_of_a_day_is_on_its_page_once_under_the_name_of_the_log(fake, relay, tmp_path):
    fake.add(film(0, 1, PatientName="CANARY^JANE"))
    fake.add(film(1, 1, ViewPosition="LL"))
    relay.run(until_idle=True)
    fake.add(film(0, 2, PatientName="CANARY^JANE"))  # the study is predicted again
    relay.run(until_idle=True)
    page = tmp_path / "out" / "pages" / f"{date.today().isoformat()}.html"
    films = {one["status"]: one for one in data_of(page)["films"]}
    assert sorted(films) == ["NOT_FRONTAL", "ok"] and len(data_of(page)["films"]) == 2
    used, refused = films["ok"], films["NOT_FRONTAL"]
    assert used["name"].startswith(relay.journal.name("1.2.0")) and (page.parent / used["thumbnail"]).is_file()
    assert {one["name"] for one in used["files"]} >= {"findings.dcm"} and not any(one["link"] for one in used["files"])
    assert str(tmp_path) not in refused["reason"] and "CANARY" not in page.read_text(encoding="utf-8")


def test_page_that_cannot_be_written_costs_no_result(fake, relay, tmp_path):
    (tmp_path / "out" / "pages" / f"{date.today().isoformat()}.html").mkdir()
    fake.add(film(0))
    relay.run(until_idle=True)
    assert len(fake.received) == 3 and not (tmp_path / "out" / "failures.csv").exists()
