import json

import pytest
from scripts.experiments.ablation.attempts import AttemptLog, default_folder

DECLARED = {"primary": {"arm": "sr", "control": "bicubic", "labels": "fine", "margin": 0.005}}
RESULT = {"verdict": "not supported", "primary": {"difference": 0.001, "ci": [-0.01, 0.01]}}


def log(folder, output="out", data="data", **declared):
    return AttemptLog(folder / "log", data, folder / output, {**DECLARED, **declared})


def test_a_new_folder_or_a_new_endpoint_is_a_new_attempt_and_a_continued_run_is_none(tmp_path):
    assert log(tmp_path).begin() == []
    assert log(tmp_path).begin() == []  # continued after an interruption
    (first,) = log(tmp_path, output="other").begin()
    assert first["primary"]["arm"] == "sr" and first["verdict"] is None  # begun and given up
    log(tmp_path).finish(RESULT)
    earlier = log(tmp_path, limit=3).begin()
    assert [row["verdict"] for row in earlier] == ["not supported", None] and earlier[0]["ci"] == [-0.01, 0.01]
    assert log(tmp_path).begin() == []  # what came later is no earlier attempt
    assert log(tmp_path, data="others").begin() == []


def test_the_log_holds_no_path_and_no_patient(tmp_path):
    log(tmp_path, output="DOE^JANE", data="DOE^JANE").begin()
    (file,) = (tmp_path / "log").glob("*.jsonl")
    text = file.name + file.read_text()
    assert "DOE" not in text and str(tmp_path) not in text and file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line", ["[]", '{"attempt": 3}', "no JSON"])
def test_a_damaged_log_is_refused_by_its_line(tmp_path, line):
    log(tmp_path).begin()
    (file,) = (tmp_path / "log").glob("*.jsonl")
    file.write_text(json.dumps({"attempt": "a"}) + f"\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2: .*set --attempts_dir to another folder"):
        log(tmp_path).begin()


def test_a_folder_that_cannot_be_written_names_the_setting(tmp_path):
    (tmp_path / "log").write_text("a file")
    with pytest.raises(OSError, match=r"attempts_dir: .*set --attempts_dir"):
        log(tmp_path).begin()


def test_the_default_folder_is_the_state_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "cxr-attention-sr" / "attempts"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".local" / "state" / "cxr-attention-sr" / "attempts"
