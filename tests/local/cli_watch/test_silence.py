"""`watch` and `wait` of a platform that no operator reports on: what they read, and when they explain it."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from aiohttp import web
from notebook_platform.cli.operator_place import operator_namespace
from notebook_platform.cli.silence import OperatorSigns, account_in, explain_silence, observe
from notebook_platform.cli.timeline import Timeline
from notebook_platform.cli.watch import LiveView
from rich.console import Console

from tests.unit.cli_watch.bodies import PROGRESSING, body, view
from tests.unit.kube.plain_http import served

NAMES = json.dumps(["platforms", "team-*"])
RENEWED = datetime(2026, 1, 1, 12, 0, 1, tzinfo=UTC)
"""The newest renewal of the leases below."""


def lease(name: str, renewed: datetime) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"renewTime": renewed.isoformat()}}


def deployment(value: str, namespace: str = "notebook-platform") -> dict[str, Any]:
    env = [{"name": "OTHER"}, {"name": "NOTEBOOK_PLATFORM_NAMESPACES", "value": value}]
    template = {"spec": {"containers": [{"name": "operator", "env": env}]}}
    return {"metadata": {"name": "x", "namespace": namespace}, "spec": {"selector": {}, "template": template}}


def cluster(
    allowed: bool, *, names: str = NAMES, leases: list[dict[str, Any]] | None = None, where: str = "notebook-platform"
) -> web.Application:
    """Return an API server that answers what an administrator may read. `where`: the operator's namespace."""
    found = [lease("notebook-platform-2-of-2", RENEWED), lease("notebook-platform-1-of-2", RENEWED - timedelta(hours=1))]
    found.append(lease("another", RENEWED + timedelta(hours=1)))
    shown = found if leases is None else leases

    async def review(request: web.Request) -> web.Response:
        spec = (await request.json())["spec"]
        assert spec["user"] == account_in(where) and spec["resourceAttributes"]["namespace"] == request.match_info["namespace"]
        return web.json_response({"spec": spec, "status": {"allowed": allowed}})

    def listing(*items: dict[str, Any]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response({"items": items, "metadata": {}})

        return answer

    app = web.Application()
    operators = f"namespaces/{where}"
    app.router.add_get(f"/apis/coordination.k8s.io/v1/{operators}/leases", listing(*shown))
    app.router.add_get(f"/apis/apps/v1/{operators}/deployments", listing(deployment(names)))
    app.router.add_get("/apis/apps/v1/deployments", listing(deployment(names, where)))
    app.router.add_post("/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews", review)
    return app


async def test_an_administrator_reads_the_leases_the_rights_and_the_namespaces() -> None:
    async with served(cluster(allowed=False)) as api:
        found = await observe(api, "team")
    assert found == OperatorSigns(leases=True, renewed=RENEWED, may_write=False, serves=["platforms", "team-*"])


async def test_the_operators_namespace_is_that_of_its_deployment() -> None:
    async with served(cluster(allowed=True, where="operators")) as api:
        found = await observe(api, "team")
        assert (await observe(api, "team", "elsewhere")).where == "elsewhere"
    assert found == OperatorSigns(where="operators", leases=True, renewed=RENEWED, may_write=True, serves=["platforms", "team-*"])


def binding(*subjects: dict[str, str]) -> web.Application:
    """Return an API server that answers what the administrator of the namespace `team` may read."""

    async def answer(request: web.Request) -> web.Response:
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "notebook-platform-namespace"}
        return web.json_response({"metadata": {"name": "notebook-platform"}, "roleRef": role, "subjects": subjects})

    app = web.Application()
    app.router.add_get("/apis/rbac.authorization.k8s.io/v1/namespaces/team/rolebindings/notebook-platform", answer)
    return app


@pytest.mark.parametrize(
    ("subjects", "namespace"),
    [
        ([{"kind": "ServiceAccount", "name": "notebook-platform", "namespace": "operators"}], "operators"),
        ([{"kind": "Group", "name": "notebook-platform"}], "notebook-platform"),
        ([], "notebook-platform"),
    ],
)
async def test_without_its_deployment_the_rolebinding_of_the_namespace_names_it(
    subjects: list[dict[str, str]], namespace: str
) -> None:
    async with served(binding(*subjects)) as api:
        assert await operator_namespace(api, None, "team") == namespace
        assert await operator_namespace(api, None, "unserved") == "notebook-platform"


async def test_of_two_operators_none_is_chosen() -> None:
    async def two(request: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": [deployment(NAMES, "one"), deployment(NAMES, "two")]})

    app = web.Application()
    app.router.add_get("/apis/apps/v1/deployments", two)
    async with served(app) as api:
        assert await operator_namespace(api, None, "team") == "notebook-platform"


async def test_an_author_who_may_read_nothing_of_it_learns_both_possible_reasons() -> None:
    async with served(web.Application()) as api:
        assert await observe(api, "team") == OperatorSigns(serves=[])


@pytest.mark.parametrize("value", ["", "no JSON", "1", "[]"])
async def test_a_list_of_namespaces_that_is_none_is_ignored(value: str) -> None:
    async with served(cluster(allowed=True, names=value)) as api:
        assert (await observe(api, "team")).serves == []


def silent(age: timedelta) -> dict[str, Any]:
    found = body()
    found["metadata"]["creationTimestamp"] = (datetime.now(UTC) - age).isoformat()
    return found


async def test_the_explanation_names_the_time_without_a_status() -> None:
    async with served(cluster(allowed=False, leases=[lease("notebook-platform", datetime.now(UTC))])) as api:
        text = await explain_silence(api, view(silent(timedelta(minutes=3))))
    assert re.match(r"no status for 3 min \d+ s: the operator has no rights in the namespace platforms\. ", text)


def test_the_live_view_drops_the_explanation_when_there_is_a_status() -> None:
    live = LiveView(Timeline(), "")
    live.show(view(body()))
    live.explain("no status for 30 s")
    assert "! no status for 30 s" in drawn(live)
    live.show(view(PROGRESSING))
    assert "no status" not in drawn(live)


def drawn(live: LiveView) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(live.current_frame())
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]
