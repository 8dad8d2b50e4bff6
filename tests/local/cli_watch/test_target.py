"""What `plan` and `doctor` print about the platform itself before they ask Azure."""

import argparse
import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from notebook_platform.cli import main
from notebook_platform.cli.management import UsageError
from notebook_platform.cli.target_platform import target_platform

from tests.local.cli_watch.api import in_use
from tests.local.cli_watch.test_wrong_terminals import FROM_THE_CLUSTER
from tests.unit.azure.specs import runbook_spec
from tests.unit.cli_watch.bodies import PROGRESSING

PLATFORM = "/apis/notebookplatform.io/v1alpha1/namespaces/{namespace}/notebookplatforms/hub"
FILE = "apiVersion: notebookplatform.io/v1alpha1\nkind: NotebookPlatform\nmetadata: {name: hub, namespace: platforms}\nspec: {}\n"


def stored(age: timedelta, **more: Any) -> dict[str, Any]:
    """Return the platform as the API server has it."""
    created = (datetime.now(UTC) - age).isoformat()
    metadata = {"name": "hub", "namespace": "platforms", "uid": "u", "generation": 1, "creationTimestamp": created}
    return {"metadata": metadata, "spec": runbook_spec(), **more}


def api(live: dict[str, Any] | None, warnings: tuple[str, ...] = (), status: int = 201) -> web.Application:
    """Return an API server with one platform, or none; its answer to an apply has the warnings."""

    async def get(request: web.Request) -> web.Response:
        found = live is not None and request.match_info["namespace"] == "platforms"
        return web.json_response(live) if found else web.json_response({"kind": "Status", "code": 404}, status=404)

    async def patch(request: web.Request) -> web.Response:
        answer = web.json_response(live or stored(timedelta(0)), status=status)
        for text in warnings:
            answer.headers.add("Warning", text)
        return answer

    app = web.Application()
    app.router.add_get(PLATFORM, get)
    app.router.add_patch(PLATFORM, patch)
    return app


async def printed(app: web.Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **flags: Any) -> None:
    """Read the platform as the commands do."""
    (tmp_path / "hub.yaml").write_text(FILE)
    arguments = {"filename": None, "name": None, "namespace": None, "operator_namespace": None}
    async with (
        in_use(app, tmp_path, monkeypatch),
        target_platform(argparse.Namespace(**arguments | flags)) as chosen,
    ):
        assert chosen.platform.name == "hub"


async def test_every_warning_of_the_api_server_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = api(None, ('299 - "not served"', '299 - "unknown field \\"spec.x\\"", 299 - "third"'))
    await printed(app, tmp_path, monkeypatch, filename=tmp_path / "hub.yaml")
    assert capsys.readouterr().err == 'Warning: not served\nWarning: unknown field "spec.x"\nWarning: third\n'


async def test_a_refused_apply_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="the API server refuses it: 422 Unprocessable Entity"):
        await printed(api(None, status=422), tmp_path, monkeypatch, filename=tmp_path / "hub.yaml")


MISSING = {"message": 'namespaces "lab" not found', "details": {"name": "lab", "kind": "namespaces"}}
TERMINATING = {"message": "lab is being terminated", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
NO_RIGHT = {"message": "cannot patch", "details": {"kind": "notebookplatforms"}}


@pytest.mark.parametrize(
    ("status", "answer", "printed_words"),
    [
        (404, MISSING, 'Warning: kubectl apply would be refused: namespaces "lab" not found\n'),
        (403, TERMINATING, "Warning: kubectl apply would be refused: lab is being terminated\n"),
        (403, NO_RIGHT, ""),
        (404, {"details": 7}, ""),
    ],
)
async def test_a_namespace_that_refuses_the_platform_is_a_warning(
    status: int,
    answer: dict[str, Any],
    printed_words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", **answer}, status=status)

    app = web.Application()
    app.router.add_patch(PLATFORM, refuse)
    (tmp_path / "hub.yaml").write_text(FILE.replace("spec: {}", yaml.safe_dump({"spec": runbook_spec()})))
    flags = {"filename": tmp_path / "hub.yaml", "name": None, "namespace": None, "operator_namespace": None}
    async with in_use(app, tmp_path, monkeypatch), target_platform(argparse.Namespace(**flags)) as chosen:
        assert not chosen.admitted
    assert capsys.readouterr().err == printed_words


@pytest.mark.parametrize("filename", [None, "hub.yaml"])
async def test_a_platform_without_a_status_is_explained(
    filename: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = {"filename": tmp_path / filename} if filename else {"name": "hub", "namespace": "platforms"}
    await printed(api(stored(timedelta(minutes=3))), tmp_path, monkeypatch, **flags)
    text = capsys.readouterr().err
    assert re.match(
        r"Warning: no status for 3 min \d+ s: either no operator runs, or it does not serve the namespace platforms\. ", text
    )


@pytest.mark.parametrize(("age", "more"), [(timedelta(0), {}), (timedelta(hours=1), {"status": PROGRESSING["status"]})])
async def test_a_new_platform_and_one_with_a_status_need_no_explanation(
    age: timedelta, more: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await printed(api(stored(age, **more)), tmp_path, monkeypatch, name="hub", namespace="platforms")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", FROM_THE_CLUSTER, ids=lambda words: words[0])
async def test_without_rights_in_the_contexts_namespace_the_remedy_names_the_flag(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": 403}, status=403)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with in_use(app, tmp_path, monkeypatch):
        assert await asyncio.to_thread(main, words) == 1
    remedy = (
        "Name its namespace with -n, or let an administrator grant `get`, `list` and `watch` on notebookplatforms in this one."
    )
    text = f"notebook-platform {words[0]}: the platform default/hub cannot be read: 403 Forbidden. {remedy}\n"
    assert capsys.readouterr().err == text
