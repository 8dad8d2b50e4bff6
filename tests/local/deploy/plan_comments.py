"""The script that posts plans, and a server on loopback that has the comments of one pull request and one merge request."""

import importlib.util
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.operator_process import ROOT

SCRIPT = ROOT / "deploy" / "gitops" / "plan" / "plan_comment.py"
TOKEN = "token-of-the-job"
LISTS = {"/repos/team/platforms/issues/7/comments": "github", "/projects/11/merge_requests/7/notes": "gitlab"}
ONE = re.compile(r"(?:/repos/team/platforms/issues/comments|/projects/11/merge_requests/7/notes)/(\d+)")


def load_script() -> Any:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("plan_comment", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Comments:
    """Comments as GitHub and GitLab keep them; `status` answers every request when it is set. `calls` are the requests."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.status = 0
        self.url = ""

    def add(self, body: str, *, own: bool = False) -> None:
        login, number = ("github-actions[bot]", 5) if own else ("mallory", 6)
        author = {"user": {"login": login}, "author": {"id": number}}
        self.comments.append({"id": len(self.comments) + 1, "body": body, **author})

    def answer(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any]:
        url = urlsplit(target)
        self.calls.append(f"{method} {url.path}")
        if self.status:
            return self.status, {"message": "no"}
        if headers.get("Authorization") != f"Bearer {TOKEN}" and headers.get("PRIVATE-TOKEN") != TOKEN:
            return 401, {"message": "Bad credentials"}
        if url.path == "/user":
            return 200, {"id": 5}
        if url.path in LISTS and method == "GET":
            query = parse_qs(url.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if len(body["body"]) > (65_536 if "/repos/" in url.path else 1_000_000):
            return 422, {"message": "body is too long"}
        if url.path in LISTS and method == "POST":
            self.add(body["body"], own=True)
            return 201, self.comments[-1]
        found = ONE.fullmatch(url.path)
        if found and method == ("PATCH" if url.path.startswith("/repos") else "PUT"):
            self.comments[int(found[1]) - 1]["body"] = body["body"]
            return 200, self.comments[int(found[1]) - 1]
        return 404, {"message": "Not Found"}


@contextmanager
def serving() -> Iterator[Comments]:
    """Serve comments on loopback."""
    comments = Comments()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = comments.answer(self.command, self.path, self.headers, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", f"{comments.url}/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _do

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    comments.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield comments
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def environment(system: str, url: str) -> dict[str, str]:
    """Return the variables that a job of the CI system has."""
    if system == "gitlab":
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": url,
            "CI_PROJECT_ID": "11",
            "CI_MERGE_REQUEST_IID": "7",
            "PLAN_TOKEN": TOKEN,
        }
    return {
        "GITHUB_API_URL": url,
        "GITHUB_REPOSITORY": "team/platforms",
        "PLAN_PULL_REQUEST": "7",
        "PLAN_AUTHOR": "github-actions[bot]",
        "PLAN_TOKEN": TOKEN,
    }


def broken_platform(directory: Path) -> Path:
    """Write a platform whose plan fails before it needs Azure, with a Secret beside it."""
    path = directory / "lab.yaml"
    path.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: azure-credentials}\nstringData: {clientSecret: hunter2-of-azure}\n---\n"
        "apiVersion: notebookplatform.io/v1alpha1\nkind: NotebookPlatform\nmetadata: {name: lab}\nspec: {azure: {location: 5}}\n"
    )
    return path
