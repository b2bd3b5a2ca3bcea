"""Some hundred requests to the routes that the server itself describes, with values that are none."""

import json
import random
import urllib.parse

import requests

from .test_monai_label_attacks import written

REQUESTS = 400
TEXTS = ["", "film1", "film2", "cxr", "random", "final", "original", "true", "0", "-1", "1e999", "NaN", "..",
         "$__import__('os').system('touch ran')", "@bundle_root", "%/etc/hostname.json::x", "../outside", ".lock",
         "/etc/hostname", "a\0b", "a\r\nX: y", "x" * 5000, "\u202egnp.exe", "{}", "[1", "';--", "<script>"]  # fmt: skip
KEYS = ["max_epochs", "batch_size", "learning_rate", "seed", "candidates", "max_batch_size", "result", "store",
        "image", "images", "label_tag", "save_label", "findings", "label_info", "bundle_path", "_target_"]  # fmt: skip
NAMES = ["film.dcm", "film.png", "x.sh", "../x.dcm", "", "a\\b.png", "x.nii.gz", "films.zip"]


def value(rng, depth=0):
    """A JSON value, seldom a right one."""
    made = [
        rng.choice(TEXTS),
        rng.randint(-2, 2),
        10**30,
        1e-5,
        True,
        None,
        float("nan"),
        [],
        {"_target_": "os.system"},
    ]
    if depth < 3:
        made += [[value(rng, depth + 1)], {rng.choice(KEYS): value(rng, depth + 1) for _ in range(3)}]
    return rng.choice(made)


def send(rng, root, method, path, parameters):
    """One request; the answer, or ``None`` where the server ended the connection."""
    for name in [part["name"] for part in parameters if part["in"] == "path"]:
        good = {"model": "cxr", "strategy": "random"}.get(name, "nosuch")
        path = path.replace(f"{{{name}}}", urllib.parse.quote(rng.choice([good, rng.choice(TEXTS)]), safe=""))
    query = [(part["name"], rng.choice(TEXTS)) for part in parameters if part["in"] == "query" and rng.random() < 0.8]
    query += [(rng.choice(KEYS), rng.choice(TEXTS))] if rng.random() < 0.1 else []
    bodies = [
        {},
        {"data": json.dumps({rng.choice(KEYS): value(rng)}), "headers": {"Content-Type": "application/json"}},
        {"data": rng.randbytes(200), "headers": {"Content-Type": rng.choice(["application/json", "text/plain", "x"])}},
        {"data": rng.randbytes(99), "headers": {"Content-Type": "multipart/form-data; boundary=x; charset=nosuch"}},
        {"data": {field: json.dumps({rng.choice(KEYS): value(rng)}) for field in ("params", "info")}},
        {"files": [(rng.choice(["file", "label", "files"]), (rng.choice(NAMES), rng.randbytes(300)))]},
    ]
    # Nothing is trained or predicted for a whole batch here, whatever the values are.
    body = bodies[2] if path.startswith(("/train/cxr", "/batch/infer/cxr")) and method == "post" else rng.choice(bodies)
    try:
        return requests.request(method, root + path, params=query, timeout=120, **body)
    except requests.ConnectionError:
        return None


def test_no_request_ends_in_a_traceback_or_a_file_elsewhere(attacked):
    running, folder = attacked
    rng = random.Random(14)
    log = folder / "server.log"
    described = requests.get(f"{running.root}/openapi.json", timeout=60).json()["paths"]
    routes = [(method, path, entry.get("parameters", [])) for path, entries in sorted(described.items())
              for method, entry in sorted(entries.items())]  # fmt: skip
    before, logged = written(folder), len(log.read_text())
    failed = []
    for number in range(REQUESTS):
        method, path, parameters = routes[number % len(routes)]
        answer = send(rng, running.root, method, path, parameters)
        if answer is not None and answer.status_code >= 500:
            failed.append((method, path, answer.status_code, answer.text[:200]))
    assert not failed
    assert "Traceback" not in log.read_text()[logged:]
    assert before == written(folder)
    assert json.loads(running.request("GET", "/datastore/?output=all")[1])["objects"].keys() >= {"film1", "film2"}
