"""The real server on loopback: what it answers is what the predictor says, and a bad request has a typed answer."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from email import message_from_bytes

import nibabel
import numpy as np
import pytest
import requests

from ..pacs.orthanc import needs_orthanc
from .conftest import ROOT, environment
from .label_server import label_server


@pytest.fixture(scope="module")
def server(films, tmp_path_factory):
    environment("label")
    folder = tmp_path_factory.mktemp("label")
    studies = shutil.copytree(films, folder / "films")
    with label_server(folder, str(studies), MONAI_LABEL_DATASTORE_FILE_EXT='["*.dcm","*.png"]') as running:
        yield running


def test_the_server_offers_the_model_its_training_and_its_strategies(server, expected):
    info = json.loads(server.request("GET", "/info/")[1])
    assert info["models"]["cxr"]["labels"] == next(iter(expected.values())).labels
    assert set(info["strategies"]) == {"uncertainty", "random"} and "cxr" in info["trainers"]


@pytest.mark.parametrize("film", ["film1", "film2"])
def test_probabilities_are_the_predictors(server, expected, film):
    status, body = server.form("POST", f"/infer/cxr?image={film}&output=json")
    answer = json.loads(body)
    assert status == 200 and np.allclose(answer["probabilities"], expected[film].probabilities, atol=1e-5)
    assert answer["region_labels"] == expected[film].region_labels and all(answer["region_labels"])
    scores = [row["score"] for row in answer["prediction"]]
    assert scores == sorted(scores, reverse=True) and np.allclose(sorted(expected[film].shown), scores[::-1], atol=1e-5)


@pytest.mark.parametrize("result", ["regions", "attention", "enhanced"])
def test_images_lie_where_itk_has_the_radiograph(server, films, expected, tmp_path, result):
    import itk

    status, body = server.form("POST", "/infer/cxr?image=film1&output=image", params=json.dumps({"result": result}))
    assert status == 200
    (tmp_path / "result.nii").write_bytes(gzip.decompress(body))
    film, found = itk.imread(str(films / "film1.dcm")), itk.imread(str(tmp_path / "result.nii"))
    assert np.allclose(found.GetOrigin(), film.GetOrigin(), atol=1e-3)
    assert np.allclose(
        itk.array_from_matrix(found.GetDirection()), itk.array_from_matrix(film.GetDirection()), atol=1e-6
    )
    if result == "regions":
        assert np.allclose(found.GetSpacing(), film.GetSpacing(), atol=1e-4)
        pixels = np.asarray(nibabel.load(tmp_path / "result.nii").dataobj)[..., 0].T
        for number, (row0, col0, row1, col1) in enumerate(expected["film1"].regions, start=1):
            assert (pixels[row0:row1, col0:col1] >= number).all()


def test_an_image_that_cannot_be_read_is_refused_with_its_reason(server):
    status, body = server.form("POST", "/infer/cxr?image=broken&output=json")
    (failure,) = json.loads(body)["detail"]["failures"]
    assert status == 422 and failure["code"] and failure["remedy"]


@pytest.mark.parametrize(
    ("query", "params", "status", "found"),
    [
        ("image=nosuch", {}, 404, "nosuch"),
        ("image=/etc/hostname", {}, 400, "separator"),
        ("image=film1", {"result": "heatmap"}, 400, "heatmap"),
        ("image=film1", {"store": True}, 400, "DICOMweb"),
        ("image=film1", {"label_info": [{"name": "region"}]}, 400, "label_info"),
        ("session_id=nosuch", {}, 404, "datastore"),
    ],
)
def test_a_request_that_cannot_be_done_says_why(server, query, params, status, found):
    got, body = server.form("POST", f"/infer/cxr?{query}&output=json", params=json.dumps(params))
    assert got == status and found in body.decode()


def test_an_unknown_model_is_named(server):
    status, body = server.form("POST", "/infer/nosuch?image=film1&output=json")
    assert status == 404 and "expected cxr" in body.decode()


def test_one_answer_may_hold_findings_and_image(server, expected):
    status, body = server.form("POST", "/infer/cxr?image=film1&output=all")
    message = message_from_bytes(b"Content-Type: multipart/form-data; boundary=" + body[2:34] + b"\r\n\r\n" + body)
    parts = {part.get_param("name", header="Content-Disposition"): part for part in message.get_payload()}
    found = json.loads(parts["params"].get_payload())
    assert status == 200 and np.allclose(found["probabilities"], expected["film1"].probabilities, atol=1e-5)
    assert parts["image"].get_filename().endswith(".nii.gz")


def test_images_of_a_batch_have_their_own_answers_whatever_is_wrong_with_one(server, expected):
    request = json.dumps({"max_batch_size": 2}).encode()  # in the order of their names: broken, film1
    status, body = server.request("POST", "/batch/infer/cxr?run_sync=true", request)
    answers = json.loads(body)
    assert status == 200 and set(answers) == {"broken", "film1"} and answers["broken"]["status"] == 422
    assert answers["broken"]["detail"]["failures"][0]["code"]
    assert np.allclose(answers["film1"]["params"]["probabilities"], expected["film1"].probabilities, atol=1e-5)
    status, kept = server.request("GET", "/datastore/label?label=film1&tag=original")
    assert status == 200 and gzip.decompress(kept)
    status, body = server.request("POST", "/batch/infer/cxr?run_sync=true", b'{"result": "heatmap"}')
    assert status == 400 and "heatmap" in body.decode()


def test_a_batch_runs_in_the_background_until_it_is_done(server):
    status, body = server.request("POST", "/batch/infer/cxr", b'{"max_batch_size": 2}')
    for _ in range(600):
        if json.loads(body)["status"] not in ("SUBMITTED", "RUNNING"):
            break
        time.sleep(0.2)
        status, body = server.request("GET", "/batch/infer")
    task = json.loads(body)
    assert status == 200 and task["status"] == "DONE" and "film1" in str(task["details"])


def test_films_of_a_session_are_predicted_while_it_lasts(server, films, expected):
    def session(*names):
        files = [("files", (name, (films / name).read_bytes())) for name in names]
        return requests.put(f"{server.root}/session/", files=files, timeout=60).json()["session_id"]

    one, two = session("film2.dcm"), session("film1.dcm", "film2.dcm")
    status, body = server.form("POST", f"/infer/cxr?session_id={one}&output=json")
    assert status == 200
    assert np.allclose(json.loads(body)["probabilities"], expected["film2"].probabilities, atol=1e-5)
    status, body = server.form("POST", f"/infer/cxr?session_id={two}&output=json")
    assert status == 422 and "more than one study" in body.decode()
    assert server.request("DELETE", f"/session/{one}")[0] == 200
    assert server.form("POST", f"/infer/cxr?session_id={one}&output=json")[0] == 404


def test_the_next_image_to_label_is_the_least_certain_one_without_findings(server, expected):
    entropies = {}
    for film, prediction in expected.items():
        p = np.clip(prediction.shown, 1e-12, 1 - 1e-12)
        entropies[film] = float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean())
    first, second, *_ = sorted(entropies, key=lambda film: -entropies[film])
    ask = ("POST", "/activelearning/uncertainty", b"{}")
    assert json.loads(server.request(*ask)[1])["id"] == first
    assert server.form("PUT", f"/datastore/image/info?image={first}", info='{"findings": {"Edema": 1}}')[0] == 200
    assert json.loads(server.request(*ask)[1])["id"] == second


def test_too_few_images_with_findings_train_nothing_and_say_so(server):
    status, body = server.request("POST", "/train/cxr?run_sync=true", b'{"max_epochs": 1}')
    assert status == 422 and "validation: the split is empty; expected at least one image" in body.decode()


def test_training_continues_the_model_and_is_served_afterwards(server, expected):
    answer = ("POST", "/infer/cxr?image=film1&output=json")
    before = json.loads(server.form(*answer)[1])["probabilities"]
    for number, film in enumerate(expected):
        findings = {"Edema": number % 2, "Mass": 1 - number % 2}
        server.form("PUT", f"/datastore/image/info?image={film}", info=json.dumps({"findings": findings}))
    body = json.dumps({"max_epochs": 3, "batch_size": 2, "learning_rate": 1e-2}).encode()
    status, trained = server.request("POST", "/train/cxr?run_sync=true", body)
    assert status == 200 and json.loads(trained)["last_epoch"]["epoch"] == "3"
    assert not np.allclose(json.loads(server.form(*answer)[1])["probabilities"], before, atol=1e-6)


def test_a_finding_that_the_model_does_not_have_is_refused(server):
    status, body = server.form("PUT", "/datastore/image/info?image=film1", info='{"findings": {"Headache": 1}}')
    assert status == 400 and "Headache" in body.decode()
    assert "Headache" not in server.request("GET", "/datastore/image/info?image=film1")[1].decode()


@needs_orthanc
def test_a_series_of_a_pacs_is_predicted_and_its_results_are_stored_there(films, expected, tmp_path):
    environment("label")
    command = [
        "unshare",
        "-rn",
        sys.executable,
        "-m",
        "tests.integrations.label_round_trip",
        films / "film1.dcm",
        tmp_path,
    ]
    settings = {**os.environ, "PYTHONPATH": f"{ROOT / 'bundle'}:{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(facts["probabilities"], expected["film1"].probabilities, atol=1e-5)
    np.testing.assert_allclose(facts["batch"]["probabilities"], expected["film1"].probabilities, atol=1e-5)
    assert facts["batch"]["stored"] == 0
    assert facts["stored"] == [5, 0]
    assert facts["modalities"] == ["DX", "DX", "OT", "OT", "SEG", "SR"]
