"""A Kaggle on this machine, with faults on demand, for the real client of the package `kaggle`.

The client's address is changed by environment alone: KAGGLE_API_ENVIRONMENT=LOCALHOST makes it call
http://localhost, and HTTP_PROXY sends every such call here. The store that Kaggle redirects to has another
host name and comes here by the same way, so that it shows which headers it is given.
"""

import hashlib
import json
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

STORE = "store.invalid"
SIGNATURE = "signature-of-the-store"


@dataclass
class Fault:
    """An answer instead of the right one, once: a status, or the right body cut, mislabelled or unranged."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    ignore_range: bool = False
    promised_bytes: int | None = None
    body: bytes | None = None


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no news."""


class KaggleServer:
    """Serves `files` (name to content) of the competition `slug` to the user with `token`."""

    def __init__(self, slug: str, files: dict[str, bytes], token: str, bundle: bytes = b""):
        self.slug, self.files, self.token, self.bundle = slug, files, token, bundle
        self.zipped: set[str] = set()
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.http = _Server(("127.0.0.1", 0), _handler(self))
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    def fail(self, what: str, *faults: Fault) -> None:
        """The next answers to `what` (a method as ListDataFiles, or `store`) are these."""
        self.faults[what].extend(faults)

    def sent(self, what: str) -> list[dict[str, str]]:
        """The headers of every request to `what`, in order."""
        return [headers for kind, _, headers in self.requests if kind == what]

    @contextmanager
    def running(self) -> Iterator["KaggleServer"]:
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield self
        finally:
            self.http.shutdown()
            self.http.server_close()


def set_environment(monkeypatch: pytest.MonkeyPatch, address: str, home: Path, token: str | None) -> None:
    """Send Kaggle's client to `address`, with an empty home folder and no credentials but `token`."""
    for name in list(os.environ):
        if name.upper().startswith("KAGGLE") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("HTTP_PROXY", address)
    monkeypatch.setenv("http_proxy", address)
    if token is not None:
        monkeypatch.setenv("KAGGLE_API_TOKEN", token)


def _handler(server: KaggleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            method = self.path.rpartition("/")[2]
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if (fault := self._begin(method)) is not None and fault.body is None:
                # Kaggle repeats what it was told; a message that quoted it would tell the token.
                said = f"refused {self.headers['Authorization']}"
                self._json(fault.status, {"code": fault.status, "message": said}, fault.headers)
            elif fault is not None:
                self._answer(fault.status, fault.body or b"", fault.headers)
            elif method == "IntrospectToken":
                good = given["token"] == server.token
                self._json(200, {"active": good, "username": "ada"} if good else {"active": False})
            elif self.headers["Authorization"] != f"Bearer {server.token}":
                self._json(401, {"code": 401, "message": "Unauthenticated"})
            elif given["competitionName"] != server.slug:
                self._json(404, {"code": 404, "message": "Not found"})
            elif method == "ListDataFiles":
                names = sorted(server.files)
                start = int(given.get("pageToken") or 0)
                page = names[start : start + 2]
                files = [{"name": name, "totalBytes": len(server.files[name])} for name in page]
                more = {"nextPageToken": str(start + 2)} if start + 2 < len(names) else {}
                self._json(200, {"files": files, **more})
            else:
                name = given.get("fileName", "bundle.zip")
                address = f"http://{STORE}/data/{name}{'.zip' if name in server.zipped else ''}"
                self._answer(302, b"", {"Location": f"{address}?X-Goog-Signature={SIGNATURE}"})

        def do_GET(self) -> None:
            # The client asks first and reads nothing of the body; only what comes after it is a download.
            fault = self._begin("store") if self.headers["Accept-Encoding"] == "identity" else None
            name = unquote(urlsplit(self.path).path).removeprefix("/data/")
            content = server.bundle if name == "bundle.zip" else server.files.get(name.removesuffix(".zip"), b"")
            content = server.files.get(name, content)
            fault = fault or Fault()
            if fault.status != 200 or fault.body is not None:
                self._answer(fault.status, fault.body or b"", fault.headers)
                return
            tag = f'"{hashlib.md5(content).hexdigest()}"'
            headers = {"ETag": tag, "Accept-Ranges": "bytes", **fault.headers}
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = 0
            if asked and not fault.ignore_range and self.headers.get("If-Range") in (None, tag):
                start = int(asked[1])
                if start >= len(content):
                    self._answer(416, b"", headers)
                    return
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            body = content[start:]
            promised = fault.promised_bytes or len(body)
            end = None if fault.cut_after is None else max(fault.cut_after - start, 0)
            self._answer(206 if "Content-Range" in headers else 200, body[:end], headers, promised)

        def _begin(self, what: str) -> Fault | None:
            server.requests.append((what, self.path, dict(self.headers)))
            return server.faults[what].pop(0) if server.faults[what] else None

        def _json(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
            body = json.dumps(content).encode()
            self._answer(status, body, {"Content-Type": "application/json", **(headers or {})})

        def _answer(self, status: int, body: bytes, headers: dict[str, str], promised: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if promised is None else promised))
            self.end_headers()
            try:
                self.wfile.write(body)
                self.wfile.flush()
            except OSError:
                self.close_connection = True
            if promised is not None and promised != len(body):
                self.close_connection = True
                time.sleep(0.01)

    return Handler
