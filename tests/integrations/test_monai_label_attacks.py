"""The real server on loopback, attacked: nothing runs, is written elsewhere, is read from elsewhere, or is answered."""

import http.client
import io
import json
import shutil
import stat
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import requests

OWN = ("films", "sessions", "uploads", "logs", "__pycache__")


def written(folder):
    """What lies in the server's working folder and its app, except where it may write."""
    return {path for path in folder.rglob("*") if not set(OWN) & set(path.relative_to(folder).parts)}


@pytest.fixture
def server(attacked):
    """The server; afterwards nothing was written where nothing may be."""
    running, folder = attacked
    before = written(folder), set(folder.parent.iterdir()), set((folder / "films").rglob("*.sh"))
    yield running
    assert before == (written(folder), set(folder.parent.iterdir()), set((folder / "films").rglob("*.sh")))
    assert running.request("GET", "/info/")[0] == 200


def ask(server, method, path, body=None, **headers):
    """Status and text, with headers as they are given."""
    connection = http.client.HTTPConnection(server.root.removeprefix("http://"), timeout=120)
    connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace"), answer.headers


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("{\"max_epochs\": \"$__import__('pathlib').Path('ran').touch() or 1\"}", "max_epochs"),
        ('{"seed": {"_target_": "os.system", "command": "touch ran"}}', "seed"),
        ('{"seed": "%/etc/hostname.json::x"}', "seed"),
        ('{"learning_rate": "@seed"}', "learning_rate"),
        ('{"learning_rate": NaN}', "learning_rate"),
        ('{"learning_rate": 1e999}', "learning_rate"),
        ('{"batch_size": true}', "batch_size"),
        ('{"max_epochs": 1000000000}', "max_epochs"),
        ('{"bundle_path": "/tmp"}', "bundle_path"),
        ('{"max_epochs": 1, "network_def": 1}', "network_def"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_a_training_takes_numbers_within_bounds_and_nothing_else(server, body, found):
    status, answer = server.request("POST", "/train/cxr?run_sync=true", body.encode())
    assert status == 400 and found in answer.decode() and "expected" in answer.decode()


@pytest.mark.parametrize(
    ("path", "values", "found"),
    [
        ("/batch/infer/cxr?run_sync=true", {"max_batch_size": "$1"}, "max_batch_size"),
        ("/batch/infer/cxr?run_sync=true", {"images": ["/etc/hostname"]}, "images"),
        ("/batch/infer/cxr?run_sync=true", {"max_batch_size": 1, "label_tag": "../../outside"}, "label_tag"),
        ("/batch/infer/cxr?images=$all", {}, "images"),
        ("/activelearning/uncertainty", {"candidates": -1}, "candidates"),
        ("/activelearning/uncertainty", {"candidates": True}, "candidates"),
        ("/activelearning/uncertainty", {"client_id": "a\u001b[2J"}, "client_id"),
    ],
)
def test_other_tasks_take_only_what_they_list(server, path, values, found):
    status, answer = server.request("POST", path, json.dumps(values).encode())
    assert status == 400 and found in answer.decode()


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("image=film1", {"image": "/etc/hostname"}),
        ("image=film1", {"save_label": True, "label_tag": "../../../outside"}),
        ("image=film1", {"store": "yes"}),
        ("image=film1&image=film2", {}),
        ("image=film1&output=dicom_seg", {}),
        ("image=film1&path=/etc/hostname", {}),
        ("session_id=..%2F..", {}),
        ("output=json", {}),
    ],
)
def test_an_inference_takes_only_what_it_lists(server, query, params):
    assert server.form("POST", f"/infer/cxr?{query}", params=json.dumps(params))[0] == 400


UP = "..%2Foutside"


@pytest.mark.parametrize(
    "name", [UP, "a%2Fb", "a%5Cb", "a%00b", "a%0Ab", ".hidden", "..", "a" * 300, "%2Ftmp%2Foutside"]
)
@pytest.mark.parametrize(
    "path",
    ["PUT /datastore/?image=", "PUT /datastore/image?image=", "PUT /datastore/label?image=",
     "GET /datastore/image?image=", "GET /datastore/image/info?image=", "PUT /datastore/image/info?image=",
         "DELETE /datastore/image?id=",
     "GET /datastore/label?tag=final&label=", "GET /datastore/label?label=film1&tag=",
     "PUT /datastore/label?image=film1&tag=", "DELETE /datastore/label?tag=final&id=",
     "PUT /datastore/label/info?tag=final&label=", "POST /infer/cxr?image=", "POST /infer/cxr?session_id="],
)  # fmt: skip
def test_no_name_leads_out_of_the_datastore(server, films, path, name):
    method, path = path.split(" ")
    field = "label" if "label" in path else "file"
    body = {"files": {field: ("film.nii.gz", b"x")}, "data": {"params": "{}"}} if method == "PUT" else {}
    if path.split("?")[0].endswith("info") and method == "PUT":
        body = {"data": {"info": "{}"}}
    answer = requests.request(method, f"{server.root}{path}{name}", timeout=60, **body)
    assert answer.status_code == 400 and "expected" in answer.text


@pytest.mark.parametrize("name", ["film.sh", "film.dcm.sh", "../../outside.dcm", "a\\..\\b.dcm", "film.svg",
                                  "film\x1b.dcm", "meta.info", "x" * 300 + ".dcm", "film.tar.gz"])  # fmt: skip
@pytest.mark.parametrize(
    ("path", "field"),
    [("/datastore/image?image=new", "file"), ("/datastore/?image=new", "file"),
     ("/datastore/label?image=film1", "label"), ("/session/", "files")],
)  # fmt: skip
def test_a_file_is_taken_under_the_name_of_an_image_only(server, path, field, name):
    answer = requests.put(f"{server.root}{path}", files={field: (name, b"x")}, timeout=60)
    assert answer.status_code == 400 and field in answer.text


@pytest.mark.parametrize(
    ("path", "info"),
    [
        ("image/info?image=film1", {"findings": {"Headache": 1}}),
        ("image/info?image=film1", {"findings": {"Edema": 2}}),
        ("image/info?image=film1", {"findings": {"Edema": True}}),
        ("image/info?image=film1", {"findings": "Edema"}),
        ("image/info?image=film1", {"path": "/etc/hostname"}),
        ("label/info?label=film1&tag=final", {"anything": "x" * 100_000}),
        ("label/info?label=film1&tag=final", {"label_info": [{"name": "x" * 65, "idx": 1}]}),
    ],
)
def test_what_is_kept_with_an_image_are_findings_of_the_model(server, path, info):
    status, _ = server.form("PUT", f"/datastore/{path}", info=json.dumps(info))
    assert status == 400


def test_findings_are_kept_and_an_unknown_image_is_said_to_be_unknown(server):
    put = {name: server.form("PUT", f"/datastore/image/info?image={name}", info='{"findings": {"Edema": 0}}')[0]
           for name in ("film1", "nosuch")}  # fmt: skip
    assert put == {"film1": 200, "nosuch": 404}
    assert json.loads(server.request("GET", "/datastore/image/info?image=film1")[1])["findings"] == {"Edema": 0}


def test_a_file_of_the_shared_temporary_folder_is_not_read(server, films):
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        file.write((films / "film1.dcm").read_bytes())
        file.flush()
        answer = server.form("POST", f"/infer/cxr?image={file.name}&output=json")
        assert answer[0] == 400
        answer = server.form("POST", "/infer/cxr?image=film1&output=json", params=json.dumps({"image": file.name}))
        assert answer[0] == 400


def test_the_image_of_a_name_is_read_even_if_the_working_folder_has_a_file_of_it(server, attacked, films, expected):
    other = shutil.copy(films / "film2.dcm", attacked[1] / "film1")
    try:
        status, body = server.form("POST", "/infer/cxr?image=film1&output=json")
    finally:
        Path(other).unlink()
    assert status == 200
    assert np.allclose(json.loads(body)["probabilities"], expected["film1"].probabilities, atol=1e-5)


def test_uploads_lie_in_a_private_folder_and_not_for_long(server, attacked, films):
    path = films / "film1.dcm"  # the whole path, as MONAI Label's own client sends it
    body = {"file": (str(path), path.read_bytes())}
    answer = requests.post(f"{server.root}/infer/cxr?output=json", files=body, timeout=120)
    assert answer.status_code == 200 and answer.json()["probabilities"]
    uploads = attacked[1] / "integrations" / "monai_label" / "app" / "uploads"
    for folder in (uploads, attacked[1] / "sessions"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for _ in range(50):  # MONAI Label removes them after its answer
        if not list(uploads.iterdir()):
            break
        time.sleep(0.2)
    assert not list(uploads.iterdir())


@pytest.mark.parametrize("query", ["", "?uncompress=true"])
@pytest.mark.parametrize("name", ["films.zip", "films.tar", "film.nrrd", "film.mha"])
def test_no_archive_and_no_header_of_another_file_is_taken_for_a_film(server, films, name, query):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../outside.dcm", (films / "film1.dcm").read_bytes())
    files = [("files", (name, packed.getvalue()))]
    assert requests.put(f"{server.root}/session/{query}", files=files, timeout=60).status_code == 400
    films_only = {"file": (name, packed.getvalue())}
    assert requests.post(f"{server.root}/infer/cxr?output=json", files=films_only, timeout=60).status_code == 400


@pytest.mark.parametrize(
    "route",
    ["GET /logs/", "GET /logs/gpu", "GET /proxy/dicom/qido/..%2Fsystem", "POST /proxy/dicom/x", "POST /reload", "GET /",
     "PUT /model/cxr", "GET /model/cxr", "DELETE /model/cxr", "GET /ohif/..%2Fx", "POST /infer/wsi_v2/cxr", "GET /docs",
     "POST /infer/wsi/cxr", "GET /datastore/dataset", "PUT /datastore/updatelabelinfo?label=film1&tag=final",
     "POST /scoring/dice", "GET /static/ohif/index.html", "POST /train/", "DELETE /session/%2e%2e", "GET /session/..",
     "GET //info/", "POST /train/cxr/../cxr"],
)  # fmt: skip
def test_a_route_that_is_not_needed_is_not_served(server, route):
    method, path = route.split(" ")
    status, answer, _ = ask(server, method, path)
    assert status == 404 and "no such route" in answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    "request_", ["GET /info/", "POST /train/cxr", "OPTIONS /train/cxr", "GET /datastore/?output=all"]
)
def test_another_name_of_this_computer_and_a_page_of_another_origin_get_nothing(server, request_, headers):
    status, answer, sent = ask(server, *request_.split(" "), Access_Control_Request_Method="POST", **headers)
    assert status == 403 and "probabilities" not in answer and "access-control-allow-origin" not in sent


def test_this_computer_and_the_servers_own_pages_are_answered(server):
    own = server.root
    port = own.rpartition(":")[2]
    for headers in (
        {},
        {"Host": f"localhost:{port}"},
        {"Host": f"[::1]:{port}"},
        {"Origin": own},
        {"Sec_Fetch_Site": "none"},
    ):
        assert ask(server, "GET", "/info/", **headers)[0] == 200


def test_a_body_is_of_its_route_s_type_and_no_larger_than_its_limit(server):
    assert ask(server, "POST", "/train/cxr", b'{"max_epochs": 1}', Content_Type="text/plain")[0] == 415
    assert ask(server, "POST", "/infer/cxr?image=film1", b"{}", Content_Type="application/json")[0] == 415
    assert ask(server, "PUT", "/datastore/image?image=x", Content_Type="multipart/form-data; boundary=x",
               Content_Length=str(10**12))[0] == 413  # fmt: skip
    parts = iter([b'{"client_id": "'] + [b"x" * 65536] * 20)
    assert ask(server, "POST", "/activelearning/random", parts, Content_Type="application/json")[0] == 413
