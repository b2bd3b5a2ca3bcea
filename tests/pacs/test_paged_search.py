from datetime import date

from scripts.pacs import paged_search

from .conftest import code_of, film


def test_search_reads_every_page_and_ends_when_a_server_cannot_page(fake, web, monkeypatch):
    monkeypatch.setattr(paged_search, "_PAGE", 2)
    for study in range(5):
        fake.add(film(study))
    assert web.studies(date.today()) == {f"1.2.{study}": 1 for study in range(5)}
    search = fake.search
    monkeypatch.setattr(
        fake, "search", lambda *levels: search(*levels[:3], {k: v for k, v in levels[3].items() if k != "offset"})
    )
    fake.requests.clear()
    assert len(web.studies(date.today())) == 2 and len(fake.requests) == 4  # two pages and a test for CR, none for DX
    monkeypatch.undo()
    monkeypatch.setattr(paged_search, "_MAX_RESULTS", 4)
    assert code_of(web.studies, date.today()) == "PACS_RESPONSE"


def test_server_with_smaller_pages_than_asked_for_is_asked_until_a_page_is_empty(fake, web, tmp_path):
    fake.page_limit = 10
    for study in range(25):
        fake.add(film(study))
    for series in range(12):  # of a study: as many series, and one with as many films
        fake.add(film(99, SOPInstanceUID=f"1.2.99.9.{series}", SeriesInstanceUID=f"1.2.99.9{series}"))
        fake.add(film(99, SOPInstanceUID=f"1.2.99.8.{series}", SeriesInstanceUID="1.2.99.8"))
    assert len(web.studies(date.today())) == 26
    assert len(web.films("1.2.99")) == len(set(web.films("1.2.99"))) == 24


def test_page_that_is_short_because_duplicates_were_merged_is_not_the_last_one(fake, web, monkeypatch):
    for study in range(6):
        fake.add(film(study))
    search = fake.search

    def rows_then_merged(study, series, instances, query):
        """Every study in four rows, three rows a page, equal rows of a page merged."""
        everything = search(study, series, instances, {**query, "offset": "0"})
        rows = [item for item in everything for _ in range(4)][int(query["offset"]) :][:3]
        return [item for number, item in enumerate(rows) if item not in rows[:number]]

    monkeypatch.setattr(fake, "search", rows_then_merged)
    assert len(web.studies(date.today())) == 6


def test_server_that_refuses_to_continue_a_search_costs_no_page_before(fake, web, caplog):
    fake.add(film(0))
    fake.trouble = lambda method, path: 400 if "offset=1" in path else None
    assert list(web.studies(date.today())) == ["1.2.0"] and "ended at 1 results: status 400" in caplog.text


def test_results_without_a_uid_are_left_out_with_a_warning(fake, web, monkeypatch, caplog):
    fake.add(film(0))
    search = fake.search
    strange = [None, [], "x", {}, {"0020000D": {"vr": "UI", "Value": [{}]}}]
    monkeypatch.setattr(fake, "search", lambda *levels: (found := search(*levels)) and found + strange)
    assert list(web.studies(date.today())) == ["1.2.0"] and "5 results of a search" in caplog.text
