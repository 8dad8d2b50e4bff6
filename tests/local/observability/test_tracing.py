"""A receiver of OpenTelemetry's protocol gets a span for each reconcile, step, request and Helm action, and no secret."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.pipeline import PipelineContext, PipelineRequest, PipelineResponse
from azure.core.rest import HttpRequest
from notebook_platform.azure.arm.session import _Trace
from notebook_platform.azure.arm.written import WrittenPaths
from notebook_platform.engine import Failed
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.record_proxy import Access
from notebook_platform.helm.runner import Helm
from notebook_platform.observability import tracing
from notebook_platform.observability.context import CORRELATION, PLATFORM, PlatformLog, renew_correlation_id
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pyhelm3.errors import Error

from tests.unit.kube.plain_http import plain_client
from tests.unit.observability.test_logs import SECRET, Disk

BASE = "https://management.azure.com"


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve an OTLP receiver on loopback; yield its address and the requests that it got."""
    received: list[bytes] = []

    async def traces(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response(body=b"", content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", traces)
    async with TestServer(app) as server:
        yield str(server.make_url("")), received


def spans(received: list[bytes]) -> list[Span]:
    """Return the spans of the requests, in the order of their begin."""
    found = []
    for body in received:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            found += [span for scope in resource.scope_spans for span in scope.spans]
    return sorted(found, key=lambda span: span.start_time_unix_nano)


def attributes(span: Span) -> dict[str, Any]:
    return {item.key.removeprefix("notebook_platform."): item.value.string_value for item in span.attributes}


class RequestingDisk(Disk):
    """A disk whose observation sends a request to Azure, and whose change starts Helm."""

    def __init__(self, helm: Helm, access: Access) -> None:
        super().__init__()
        self._helm, self._access = helm, access

    async def observe(self, inputs: Any, *, fresh: bool) -> Any:
        request = PipelineRequest(HttpRequest("GET", f"{BASE}/subscriptions/{SECRET}?sig={SECRET}"), PipelineContext(None))
        trace = _Trace(BASE, WrittenPaths())
        trace.on_request(request)
        answer = PipelineResponse(request.http_request, type("Answer", (), {"status_code": 404})(), request.context)
        trace.on_response(request, answer)
        return await super().observe(inputs, fresh=fresh)

    async def apply(self, desired: Any, found: Any, changes: Any) -> Any:
        async def work(_: object) -> None:
            raise Error(1, b"", f"Error: {SECRET}".encode())

        self._helm.start("key", "install", self._access, work)
        run = self._helm.run_of("key")
        assert run is not None
        await run.task
        return await super().apply(desired, found, changes)


async def test_a_receiver_gets_the_trace_of_a_reconcile_without_secrets(tmp_path: Path) -> None:
    helm = Helm(executable="true", work_dir=tmp_path, charts=ChartSource(directory=None, repository=""), timeout=30)
    access = Access(api=plain_client(), ledger=None, place=("jhub", SECRET))  # type: ignore[arg-type]
    disk = RequestingDisk(helm, access)
    disk.refused = f"refused for {SECRET}"
    async with receiver() as (address, received):
        end = tracing.configure(address)
        try:
            PLATFORM.set(PlatformLog("platforms/lab"))
            renew_correlation_id()
            with tracing.span("reconcile"):
                results = await reconcile(Graph([disk]), Policy())
        finally:
            await asyncio.to_thread(end)
    await helm.close()
    await access.api.close()
    assert isinstance(results["Disk"].outcome, Failed)
    found = spans(received)
    by_name = {span.name: span for span in found}
    assert set(by_name) == {"reconcile", "step", "azure request", "helm"}
    assert {span.trace_id for span in found} == {by_name["reconcile"].trace_id}, "one reconcile is one trace"
    assert by_name["step"].parent_span_id == by_name["reconcile"].span_id
    assert {by_name[name].parent_span_id for name in ("azure request", "helm")} == {
        span.span_id for span in found if span.name == "step"
    }
    assert {attributes(span)["correlation_id"] for span in found} == {CORRELATION.get()}
    assert {attributes(span)["platform"] for span in found} == {"platforms/lab"}
    step = attributes(by_name["step"])
    assert (step["step"], step["outcome"], step["reason"]) == ("Disk", "Failed", "Other")
    assert by_name["step"].status.code == Status.STATUS_CODE_ERROR and by_name["step"].status.message == ""
    request = attributes(by_name["azure request"])
    assert (request["method"], request["resource_type"], request["code"]) == ("GET", "subscriptions", "404")
    assert (attributes(by_name["helm"])["action"], attributes(by_name["helm"])["result"]) == ("install", "failed")
    assert SECRET.encode() not in b"".join(received)


async def test_a_receiver_that_is_away_delays_nothing(caplog: pytest.LogCaptureFixture) -> None:
    end = tracing.configure("http://127.0.0.1:9")
    try:
        started = time.perf_counter()
        for _ in range(100):
            with tracing.span("reconcile"):
                await asyncio.sleep(0)
        assert time.perf_counter() - started < 5
    finally:
        with caplog.at_level(logging.CRITICAL):
            await asyncio.to_thread(end)


def test_without_an_endpoint_there_is_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tracing.STANDARD_ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    tracing.configure(None)()
    with tracing.span("reconcile") as traced:
        assert traced is None
    assert tracing.begin("helm") is None


def test_without_the_extra_an_endpoint_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(tracing.TracingUnavailable, match=r"Install notebook-platform\[otel\]"):
        tracing.configure("http://127.0.0.1:9")
