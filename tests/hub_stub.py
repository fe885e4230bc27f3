"""A server that answers as the Hugging Face hub does, as far as models are pushed and loaded; in memory."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"


@dataclass
class Repository:
    """Commits are sets of files; `refs` are branches and tags."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        told = repr((len(self.commits), branch, sorted(files))).encode()
        name = hashlib.sha1(told).hexdigest()
        self.commits[name] = files
        self.refs[branch] = name
        return name

    def find(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)


@dataclass
class Stub:
    """What the hub has, and the requests that it got."""

    token: str = "hf_made_up"
    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    gated: set[str] = field(default_factory=set)

    def add(self, name: str, files: dict[str, bytes], *, private: bool = False) -> str:
        """A repository with one commit, whose hash it returns."""
        repository = self.repositories[name] = Repository(private)
        return repository.commit("main", files)


@contextlib.contextmanager
def running() -> Iterator[Stub]:
    """A stub that listens on a port of this machine until the block ends."""
    stub = Stub()

    class Handler(_Handler):
        hub = stub

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: Stub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        for method, pattern, answer in self._ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                answer(self, body, **found.groupdict())
                return
        self._json({"error": f"no route {self.command} {path}"}, 501)

    # ---- answers ----

    def _json(self, value: Any, status: int = 200, **headers: str) -> None:
        self._bytes(json.dumps(value).encode(), status, **{"Content-Type": "application/json", **headers})

    def _bytes(self, raw: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _error(self, status: int, code: str) -> None:
        self._json({"error": code}, status, **{"X-Error-Code": code, "X-Error-Message": code})

    def _may_write(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.hub.token}":
            return True
        self._error(401, "Unauthorized")
        return False

    def _repository(self, name: str) -> Repository | None:
        found = self.hub.repositories.get(name)
        known = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if found is None or (found.private and not known):
            # As the hub does, which does not tell what there is to those who may not see it.
            self._error(401, "RepoNotFound")
            return None
        if name in self.hub.gated:
            self._error(403, "GatedRepo")
            return None
        return found

    def _create(self, body: bytes) -> None:
        if not self._may_write():
            return
        wanted = json.loads(body)
        owner = wanted.get("organization") or "someone"
        name = wanted["name"] if "/" in wanted["name"] else f"{owner}/{wanted['name']}"
        if name in self.hub.repositories:
            self._json({"error": "exists", "url": f"{self.hub.endpoint}/{name}"}, 409)
            return
        private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
        self.hub.add(name, {".gitattributes": b""}, private=private)
        self._json({"url": f"{self.hub.endpoint}/{name}", "name": name, "id": name})

    def _branch(self, _: bytes, repo: str, branch: str) -> None:
        repository = self._repository(repo)
        if repository is None or not self._may_write():
            return
        if branch in repository.refs:
            self._json({"error": "Reference already exists"}, 409)
            return
        repository.refs[branch] = repository.refs["main"]
        self._json({})

    def _preupload(self, body: bytes, repo: str, revision: str) -> None:
        files = [
            {"path": item["path"], "uploadMode": "regular", "shouldIgnore": False}
            for item in json.loads(body)["files"]
        ]
        self._json({"files": files})

    def _commit(self, body: bytes, repo: str, revision: str) -> None:
        repository = self._repository(repo)
        if repository is None or not self._may_write():
            return
        files = dict(repository.commits[repository.refs[revision]])
        for line in body.decode().splitlines():
            item = json.loads(line)
            if item["key"] == "file":
                files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            elif item["key"] == "deletedFile":
                del files[item["value"]["path"]]
        name = repository.commit(revision, files)
        self._json(
            {"success": True, "commitOid": name, "commitUrl": f"{self.hub.endpoint}/{repo}/commit/{name}"}
        )

    def _info(self, _: bytes, repo: str, revision: str = "main") -> None:
        repository = self._repository(repo)
        if repository is None:
            return
        commit = repository.find(revision)
        if commit is None:
            self._error(404, "RevisionNotFound")
            return
        siblings = [{"rfilename": name} for name in sorted(repository.commits[commit])]
        self._json({"id": repo, "modelId": repo, "sha": commit, "private": False, "siblings": siblings})

    def _tree(self, _: bytes, repo: str, revision: str) -> None:
        repository = self._repository(repo)
        if repository is None:
            return
        commit = repository.find(revision)
        if commit is None:
            self._error(404, "RevisionNotFound")
            return
        self._json(
            [
                {"type": "file", "path": name, "size": len(raw), "oid": hashlib.sha1(raw).hexdigest()}
                for name, raw in sorted(repository.commits[commit].items())
            ]
        )

    def _file(self, _: bytes, repo: str, revision: str, name: str) -> None:
        repository = self._repository(repo)
        if repository is None:
            return
        commit = repository.find(revision)
        raw = repository.commits[commit].get(name) if commit else None
        if raw is None:
            self._error(404, "EntryNotFound")
            return
        self._bytes(
            raw,
            **{
                "ETag": f'"{hashlib.sha1(raw).hexdigest()}"',
                "X-Repo-Commit": commit or "",
                "Content-Type": "application/octet-stream",
            },
        )

    _ROUTES = (
        ("POST", "/api/repos/create", _create),
        ("POST", "/api/validate-yaml", lambda self, _: self._json({"errors": [], "warnings": []})),
        ("POST", f"/api/models/{_REPO}/branch/(?P<branch>.+)", _branch),
        ("POST", f"/api/models/{_REPO}/preupload/(?P<revision>.+)", _preupload),
        ("POST", f"/api/models/{_REPO}/commit/(?P<revision>.+)", _commit),
        ("GET", f"/api/models/{_REPO}/tree/(?P<revision>.+)", _tree),
        ("GET", f"/api/models/{_REPO}/revision/(?P<revision>.+)", _info),
        ("GET", f"/api/models/{_REPO}", _info),
        ("GET HEAD", f"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<name>.+)", _file),
    )
