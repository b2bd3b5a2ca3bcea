import pytest
from huggingface_hub import constants
from scripts.common.hub_download import download_model, is_hub_id, parse_hub_id

from ..sharing.conftest import hub

__all__ = ["hub"]
FILES = ("*.json", "*.safetensors")


@pytest.fixture
def repo(hub):
    """A repository with two commits, the first of which is the tag v1, and with files that are no model."""
    first = {
        "config.json": b"1",
        "model.safetensors": b"weights",
        "modeling.py": b"import os",
        "x/../../evil.json": b"!",
    }
    hub.repos["ann/chest"] = [first, {**first, "config.json": b"22"}]
    hub.tags["ann/chest", "v1"] = 0
    return hub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann/chest", ("ann/chest", None)),
        ("ann/chest@v1.0", ("ann/chest", "v1.0")),
        ("ann/chest@refs/pr/1", ("ann/chest", "refs/pr/1")),
        *((text, None) for text in ("chest", "./a", "/a/b", "~/a", "a/b/c", "a/../b", "ann/chest@", "ann/che st", "")),
    ],
)
def test_an_id_is_split_into_repository_and_revision(text, expected):
    assert parse_hub_id(text) == expected


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_hub_id("ann/chest")
    (tmp_path / "ann" / "chest").mkdir(parents=True)
    assert not is_hub_id("ann/chest")


def test_only_the_files_of_a_model_are_fetched(repo, tmp_path):
    folder = download_model("ann/chest", FILES, "model")
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (folder / "config.json").read_bytes() == b"22"
    assert not list(tmp_path.rglob("evil.json")) and not list(tmp_path.rglob("*.py"))


def test_a_revision_is_that_revision(repo):
    for revision in ("v1", repo.sha("ann/chest", 0)):
        assert (download_model(f"ann/chest@{revision}", FILES, "model") / "config.json").read_bytes() == b"1"


def test_a_model_in_the_cache_needs_no_connection(repo, monkeypatch):
    before = download_model("ann/chest", FILES, "model")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repo.requests.clear()
    assert download_model("ann/chest", FILES, "model") == before and not repo.requests
    with pytest.raises(FileNotFoundError, match=r"^model: ann/other: .* cannot be reached \(.*HF_HUB_OFFLINE is 1"):
        download_model("ann/other", FILES, "model")


def test_without_a_server_it_is_said(hub):
    hub.close()
    with pytest.raises(FileNotFoundError, match=r"^model: ann/chest: expected a folder, .* cannot be reached"):
        download_model("ann/chest", FILES, "model")


def test_a_half_downloaded_model_is_not_used(repo, monkeypatch):
    repo.breaks_at = "model.safetensors"
    with pytest.raises(FileNotFoundError, match=r"^model: ann/chest: "):
        download_model("ann/chest", FILES, "model")
    repo.breaks_at = None
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match=r"^model: ann/chest: half-downloaded; .*run the command again"):
        download_model("ann/chest", FILES, "model")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert (download_model("ann/chest", FILES, "model") / "model.safetensors").read_bytes() == b"weights"


def test_what_the_hub_does_not_have_is_named(repo):
    with pytest.raises(FileNotFoundError, match=r"^model: ann/none: no such model on http"):
        download_model("ann/none", FILES, "model")
    with pytest.raises(FileNotFoundError, match=r"^model: ann/chest@v9: no such revision"):
        download_model("ann/chest@v9", FILES, "model")
    repo.gated.add("ann/chest")
    with pytest.raises(PermissionError, match=r"^model: ann/chest: no permission; .*status 403"):
        download_model("ann/chest", FILES, "model")
    with pytest.raises(ValueError, match="not a hub id"):
        download_model("../chest", FILES, "model")
