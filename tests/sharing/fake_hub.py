"""A hub on 127.0.0.1: the part of the protocol that huggingface_hub speaks to read and publish a model."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_" + "a" * 34


class FakeHub:
    """Repositories in memory.

    Attributes:
        repos: name -> list of commits, each a dictionary of contents by path; branch ``main`` is the last one.
        tags: (name, revision) -> number of a commit.
        gated: names that a token may not read.
        breaks_at: path whose content breaks off half-way.
        requests: (method, path) of all requests.
    """

    def __init__(self):
        self.repos, self.tags, self.gated, self.breaks_at, self.requests = {}, {}, set(), None, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def sha(self, repo, number):
        return hashlib.sha1(f"{repo} {number}".encode()).hexdigest()

    def find(self, repo, revision):
        """Number of the commit that a branch, tag or hash names; ``None`` if there is none."""
        if revision == "main":
            return len(self.repos[repo]) - 1
        hashes = {self.sha(repo, number): number for number in range(len(self.repos[repo]))}
        return hashes.get(revision, self.tags.get((repo, revision)))

    def handler(hub):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, content=b"", **headers):
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "HEAD":
                    return
                if hub.breaks_at and self.path.endswith(hub.breaks_at):
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                else:
                    self.wfile.write(body)

            def may_write(self, repo):
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self.answer(401, {"error": "Invalid username or password."})
                elif not repo.startswith("me/"):
                    self.answer(403, {"error": "You don't have the rights"}, X_Error_Message="no rights")
                else:
                    return True
                return False

            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                path = unquote(urlsplit(self.path).path)
                hub.requests.append((self.command, path))
                found = re.fullmatch(
                    r"/(?:api/models/)?(?P<repo>[^/]+/[^/]+?)(?:/(?P<kind>revision|tree|resolve)/(?P<rev>[^/]+)(?:/(?P<file>.+))?)?",
                    path,
                )
                repo, revision = found["repo"], found["rev"] or "main"
                if repo not in hub.repos:
                    return self.answer(401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
                if repo in hub.gated:
                    return self.answer(403, {"error": "gated"}, X_Error_Code="GatedRepo")
                number = hub.find(repo, revision)
                if number is None:
                    return self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
                files, sha = hub.repos[repo][number], hub.sha(repo, number)
                if found["kind"] == "tree":
                    return self.answer(200, [self.entry(name, content) for name, content in files.items()])
                if found["kind"] == "resolve":
                    if found["file"] not in files:
                        return self.answer(404, X_Error_Code="EntryNotFound")
                    content = files[found["file"]]
                    return self.answer(200, content, ETag=f'"{self.oid(content)}"', X_Repo_Commit=sha)
                self.answer(200, {"id": repo, "sha": sha, "siblings": [{"rfilename": name} for name in files]})

            def do_POST(self):
                path = unquote(urlsplit(self.path).path)
                hub.requests.append((self.command, path))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if path == "/api/repos/create":
                    asked = json.loads(body)
                    repo = f"{asked['organization']}/{asked['name']}"
                    if self.may_write(repo):
                        hub.repos.setdefault(repo, [{}])
                        self.answer(200, {"url": f"{hub.url}/{repo}", "name": repo, "id": repo})
                    return
                if path == "/api/validate-yaml":
                    return self.answer(200, {"errors": [], "warnings": []})
                found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", path)
                repo, kind = found.groups()
                if not self.may_write(repo):
                    return
                if kind == "preupload":
                    paths = [file["path"] for file in json.loads(body)["files"]]
                    plain = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in paths]
                    return self.answer(200, {"files": plain})
                files = dict(hub.repos[repo][-1])
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                    if line["key"] == "deletedFile":
                        del files[line["value"]["path"]]
                hub.repos[repo].append(files)
                sha = hub.sha(repo, len(hub.repos[repo]) - 1)
                self.answer(200, {"commitUrl": f"{hub.url}/{repo}/commit/{sha}", "commitOid": sha})

            @staticmethod
            def oid(content):
                return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

            def entry(self, name, content):
                return {"type": "file", "path": name, "size": len(content), "oid": self.oid(content)}

        return Handler
