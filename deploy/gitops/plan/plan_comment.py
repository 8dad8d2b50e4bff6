#!/usr/bin/env python3
"""Post what `notebook-platform plan` prints as one comment of a pull request (GitHub) or merge request (GitLab).

Usage: plan_comment.py [--key KEY] FILE...

A later run finds the comment of the first by a marker and its author, and replaces the text. The two CI systems differ only in the
class of their API. It needs Python's standard library and `notebook-platform` on the PATH.

Environment, GitHub: GITHUB_API_URL, GITHUB_REPOSITORY, PLAN_PULL_REQUEST (number), PLAN_AUTHOR (login of the token), PLAN_TOKEN.
Environment, GitLab: CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, PLAN_TOKEN (scope api).

Exit codes: 0 posted; 1 a plan failed (its error is in the comment) or the comment was not posted.
"""

import abc
import argparse
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

TIMEOUT = 30.0
"""Seconds for one request."""
PLAN_TIMEOUT = 600.0
"""Seconds for one plan."""
PAGE = 100
"""Comments in one page, the maximum of both APIs."""
MOST_PAGES = 50
LARGEST_ANSWER = 16 << 20
"""Bytes of an answer: a page of 100 of GitHub's longest comments."""
CUT = "\n… {count} more lines: the log of this job has the whole plan.\n"


class CommentError(Exception):
    """The comment cannot be posted; the text says why and what to do."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuse redirects: urllib would send the token to the new host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Api(abc.ABC):
    """Requests to a comment API. Subclasses say how it names things; `change` is the method that replaces a comment."""

    name: str
    remedy: str
    limit: int
    change: str

    def __init__(self, root: str, headers: dict[str, str]) -> None:
        self._root = root.rstrip("/")
        self._headers = {"Content-Type": "application/json", "User-Agent": "notebook-platform-plan", **headers}
        self._opener = urllib.request.build_opener(_NoRedirect)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return its JSON. Raises CommentError for everything but a 2xx with JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._root}{path}", data, self._headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                text = answer.read(LARGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404):
                raise CommentError(f"{self.name} refuses {method} of comments with HTTP {error.code}. {self.remedy}") from None
            raise CommentError(f"{self.name} answers {method} of comments with HTTP {error.code}. Run the job again.") from None
        except OSError as error:
            raise CommentError(f"{self.name} cannot be reached ({type(error).__name__}). Run the job again.") from None
        try:
            if len(text) > LARGEST_ANSWER:
                raise ValueError
            return json.loads(text)
        except (ValueError, RecursionError):
            raise CommentError(
                f"{self.name} answers {method} of comments without usable JSON. Check the address of the API."
            ) from None

    def find(self, path: str, marker: str) -> int | None:
        """Return the id of the comment that begins with the marker and is by the token's own author."""
        for page in range(1, MOST_PAGES + 1):
            comments = self.call("GET", f"{path}?{urlencode({'per_page': PAGE, 'page': page})}")
            if not isinstance(comments, list):
                raise CommentError(f"{self.name} answers GET of comments without a list. Check the address of the API.")
            for comment in comments:
                if str(comment.get("body", "")).startswith(marker) and self.is_own(comment):
                    return int(comment["id"])
            if len(comments) < PAGE:
                return None
        return None

    @abc.abstractmethod
    def is_own(self, comment: dict[str, Any]) -> bool:
        """Return whether a comment is by the token's own author."""

    def replace(self, marker: str, body: str, comments: str, one: str) -> None:
        """Write the comment with the marker: a new one below `comments`, or the text of the one that is found below `one`."""
        found = self.find(comments, marker)
        if found is None:
            self.call("POST", comments, {"body": body})
        else:
            self.call(self.change, f"{one}/{found}", {"body": body})

    @abc.abstractmethod
    def publish(self, marker: str, body: str) -> None:
        """Write the comment with the marker. Raises CommentError."""


class GitHub(Api):
    """Comments of a pull request. Source: https://docs.github.com/en/rest/issues/comments"""

    name = "GitHub"
    remedy = "Give the job `permissions: pull-requests: write`; a pull request from a fork never has it."
    limit = 65_536
    change = "PATCH"

    def __init__(self, environment: dict[str, str]) -> None:
        token = _needed(environment, "PLAN_TOKEN")
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        super().__init__(_needed(environment, "GITHUB_API_URL"), headers)
        self._comments = f"/repos/{_needed(environment, 'GITHUB_REPOSITORY')}/issues"
        self._pull_request = _needed(environment, "PLAN_PULL_REQUEST")
        self._author = _needed(environment, "PLAN_AUTHOR")

    def is_own(self, comment: dict[str, Any]) -> bool:
        return bool((comment.get("user") or {}).get("login") == self._author)

    def publish(self, marker: str, body: str) -> None:
        self.replace(marker, body, f"{self._comments}/{self._pull_request}/comments", f"{self._comments}/comments")


class GitLab(Api):
    """Notes of a merge request. Source: https://docs.gitlab.com/api/notes/"""

    name = "GitLab"
    remedy = "Set the masked variable PLAN_TOKEN to a project access token with the scope api and the role Reporter or higher."
    limit = 1_000_000
    change = "PUT"

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(_needed(environment, "CI_API_V4_URL"), {"PRIVATE-TOKEN": _needed(environment, "PLAN_TOKEN")})
        self._notes = f"/projects/{_needed(environment, 'CI_PROJECT_ID')}/merge_requests/{_needed(environment, 'CI_MERGE_REQUEST_IID')}/notes"
        self._author: Any = None

    def is_own(self, comment: dict[str, Any]) -> bool:
        return bool((comment.get("author") or {}).get("id") == self._author)

    def publish(self, marker: str, body: str) -> None:
        self._author = self.call("GET", "/user")["id"]
        self.replace(marker, body, self._notes, self._notes)


def _needed(environment: dict[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise CommentError(f"The variable {name} is empty. Set it as deploy/gitops/plan shows.")
    return value


def planned(file: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run `plan` of one file without the token in its environment. Returns its exit code (0, 1, 2) and its output."""
    clean = {key: value for key, value in environment.items() if key != "PLAN_TOKEN"}
    command = ["notebook-platform", "plan", "-f", file]
    try:
        done = subprocess.run(
            command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=PLAN_TIMEOUT
        )
    except FileNotFoundError:
        return 1, "notebook-platform is not on the PATH. Install it in an earlier step of the job."
    except subprocess.TimeoutExpired:
        return 1, f"plan took longer than {PLAN_TIMEOUT:.0f} s. Run `notebook-platform doctor -f {file}`."
    return done.returncode, done.stdout.decode(errors="replace")


def section(file: str, code: int, text: str) -> str:
    """Return a plan as Markdown. The fence is longer than any in the text, so that a name cannot end it and mention users."""
    ticks = max([2, *(len(run) for run in re.findall("`+", text))]) + 1
    state = {0: "no changes", 2: "changes"}.get(code, "failed")
    name = re.sub(r"[^\w./-]", "_", file)
    return f"#### `{name}`: {state}\n\n{'`' * ticks}text\n{text.rstrip()}\n{'`' * ticks}\n"


def comment(marker: str, plans: list[tuple[str, int, str]], limit: int) -> str:
    """Return the comment in at most `limit` characters: each plan gets an equal share and is cut at a line."""
    share = limit // max(1, len(plans)) - 600
    parts = [marker, "### Plan of the notebook platforms\n"]
    for file, code, text in plans:
        lines = text.splitlines()
        kept = _first_lines(lines, max(0, share))
        left_out = len(lines) - len(kept)
        parts.append(section(file[-200:], code, "\n".join(kept) + (CUT.format(count=left_out) if left_out else "")))
    body = "\n".join(parts)
    if len(body) > limit:
        raise CommentError(f"{len(plans)} plans do not fit into one comment. Give each directory a job with its own --key.")
    return body


def _first_lines(lines: list[str], characters: int) -> list[str]:
    used = 0
    for place, line in enumerate(lines):
        used += len(line) + 1
        if used > characters:
            return lines[:place]
    return lines


def main(words: list[str], environment: dict[str, str]) -> int:
    """Plan each file, print the plans, post the comment; return the exit code."""
    parser = argparse.ArgumentParser(description="Post the plans of NotebookPlatforms as one comment that later runs replace.")
    parser.add_argument("--key", default="plan", help="name of the comment, for several in one pull request: [a-z0-9-]")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file with a NotebookPlatform")
    options = parser.parse_args(words)
    if not re.fullmatch("[a-z0-9-]{1,40}", options.key):
        parser.error("--key must be 1 to 40 of a-z, 0-9 and -")
    try:
        api: Api = GitLab(environment) if environment.get("GITLAB_CI") else GitHub(environment)
        plans = [(file, *planned(file, environment)) for file in options.files]
        sys.stdout.write("\n".join(text for _, _, text in plans) + "\n")
        marker = f"<!-- notebook-platform {options.key} -->"
        api.publish(marker, comment(marker, plans, api.limit))
    except CommentError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 1 if any(code not in (0, 2) for _, code, _ in plans) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
