"""The log covers the history of a platform: each change, operation and Helm action once, with its context and without secrets."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineContext, PipelineRequest, PipelineResponse
from azure.core.rest import HttpRequest
from notebook_platform.api.status import PlatformStatus
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.session import _Trace
from notebook_platform.azure.arm.written import WrittenPaths
from notebook_platform.cli.logs import ContextFilter, JsonFormatter, TextFormatter
from notebook_platform.engine import Action, Change, Failed, Ready, StepError
from notebook_platform.engine.backoff import Attempt, backing_off, next_attempts
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Outcome
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import Inputs, Observed, Step
from notebook_platform.kube.redaction import HIDDEN, REDACTORS, SecretRedactor
from notebook_platform.observability.context import CORRELATION, PLATFORM, STEP, PlatformLog, renew_correlation_id
from notebook_platform.status import platform_status

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "an-utterly-secret-word"
REFUSED = Failed(reason="QuotaExceeded", message="spec.nodePools: no quota", remedy="Ask for more.", retry_in=60)


class Lines(logging.Handler):
    """Collects the operator's log lines as written: parsed JSON, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(ContextFilter())
        self.found: list[dict[str, Any]] = []
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(json.loads(JsonFormatter().format(record)))
        self.text.append(TextFormatter().format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    root, handler = logging.getLogger("notebook_platform"), Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


class Disk(Step[int, int, int]):
    """A resource with a size; `refused` is raised when a change is applied."""

    name = "Disk"

    def __init__(self) -> None:
        self.size, self.refused = 1, ""

    def desired(self, inputs: Inputs) -> int:
        return 2

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[int]:
        return Observed(found=self.size)

    def plan(self, desired: int | None, found: int | None) -> Sequence[Change]:
        return [] if desired == found else [Change(path="properties.size", action=Action.UPDATE, before=found, after=SECRET)]

    async def apply(self, desired: int | None, found: int | None, changes: Sequence[Change]) -> Outcome:
        if self.refused:
            raise StepError("Refused", self.refused, "Correct it.")
        self.size = 2
        return Ready()

    def output(self, found: int | None) -> int | None:
        return found

    async def delete(self, found: int, inputs: Inputs) -> Outcome:
        return Ready()


async def reconciled(disk: Disk, platform: PlatformLog) -> Result:
    """Reconcile once as the reconciler does: with a new correlation id."""
    PLATFORM.set(platform)
    renew_correlation_id()

    async def on_result(step: str, result: Result) -> None:
        if isinstance(result.outcome, Ready):
            platform.in_sync(step)

    return (await reconcile(Graph([disk]), Policy(), on_result))["Disk"]


async def test_a_change_is_one_line_with_its_context_and_a_reconcile_without_changes_is_none(lines: Lines) -> None:
    disk, platform = Disk(), PlatformLog("platforms/lab")
    await reconciled(disk, platform)
    (line,) = lines.found
    assert (line["level"], line["message"]) == ("info", "applying 1 change: properties.size")
    assert (line["platform"], line["step"], line["paths"]) == ("platforms/lab", "Disk", ["properties.size"])
    assert line["correlation_id"] == CORRELATION.get() and STEP.get() == ""
    assert lines.text[0].endswith(f"properties.size platform=platforms/lab step=Disk correlation_id={CORRELATION.get()}")
    assert SECRET not in json.dumps(lines.found)
    await reconciled(disk, platform)
    assert len(lines.found) == 1


async def test_a_change_that_is_retried_is_logged_once_and_again_when_it_comes_back(lines: Lines) -> None:
    disk, platform = Disk(), PlatformLog("platforms/lab")
    disk.refused = "not now"
    for _ in range(3):
        assert isinstance((await reconciled(disk, platform)).outcome, Failed)
    assert len(lines.found) == 1
    failed = (await reconciled(disk, platform)).outcome
    assert isinstance(failed, Failed) and failed.correlation_id == CORRELATION.get() != "", "status.attempts leads to the log"
    disk.refused = ""
    await reconciled(disk, platform)
    disk.size = 1
    await reconciled(disk, platform)
    assert [line["message"] for line in lines.found] == ["applying 1 change: properties.size"] * 2


async def test_a_secret_in_a_message_or_a_field_is_redacted(lines: Lines) -> None:
    REDACTORS.of("test-log").add({"password": SECRET})
    try:
        PLATFORM.set(PlatformLog("platforms/lab"))
        extra = {"fields": {"paths": [f"a.{SECRET}"], "seconds": 1.5}}
        logging.getLogger("notebook_platform.any").warning("failed: %s is refused", SECRET, extra=extra)
    finally:
        REDACTORS.drop("test-log")
    (line,) = lines.found
    assert line["message"] == f"failed: {HIDDEN} is refused" and line["paths"] == [f"a.{HIDDEN}"] and line["seconds"] == 1.5
    assert SECRET not in lines.text[0]


def test_a_request_to_azure_is_one_line_at_debug_without_its_query(lines: Lines) -> None:
    base = "https://management.azure.com"
    request = PipelineRequest(HttpRequest("GET", f"{base}/subscriptions/s?sig=signed"), PipelineContext(None))
    trace = _Trace(base, WrittenPaths())
    response = PipelineResponse(request.http_request, type("Answer", (), {"status_code": 200})(), request.context)
    trace.on_request(request)
    trace.on_response(request, response)
    assert lines.found == []
    logging.getLogger("notebook_platform").setLevel(logging.DEBUG)
    trace.on_response(request, response)
    (line,) = lines.found
    assert (line["level"], line["method"], line["path"], line["status"]) == ("debug", "GET", "/subscriptions/s", "200")
    assert line["seconds"] >= 0 and "signed" not in json.dumps(line)


async def test_a_refusal_by_azure_is_logged_with_the_correlation_id_of_its_reconcile() -> None:
    renew_correlation_id()
    with pytest.raises(StepError) as caught:
        async with azure_errors("spec.azure"):
            raise HttpResponseError("refused")
    assert caught.value.failed.correlation_id == CORRELATION.get() != ""
    assert StepError.of(caught.value.failed).failed.correlation_id == CORRELATION.get()


def status_of(failed: Failed, attempts: Sequence[Attempt], now: datetime, previous: PlatformStatus) -> PlatformStatus:
    """Return the status after a reconcile in which the step Cluster failed."""
    results = {"Cluster": Result(outcome=failed)}
    conditions = fold_conditions(results, previous.conditions, generation=1, now=now)
    return platform_status(
        results,
        conditions,
        previous=previous,
        generation=1,
        operations={},
        attempts=attempts,
        redactor=SecretRedactor(),
    )


def test_a_correlation_id_is_in_status_and_causes_no_status_write_of_its_own() -> None:
    first = replace(REFUSED, correlation_id="11111111-1111-1111-1111-111111111111")
    attempts = next_attempts({"Cluster": Result(outcome=first)}, (), NOW, 600)
    written = status_of(first, attempts, NOW, PlatformStatus())
    assert written.attempts[0].correlation_id == first.correlation_id
    for seconds in (10, 50):  # reconciles while the step backs off
        held = backing_off(attempts, NOW + timedelta(seconds=seconds))
        attempts = next_attempts({"Cluster": Result(outcome=held["Cluster"])}, attempts, NOW, 600, held)
        assert status_of(held["Cluster"], attempts, NOW + timedelta(seconds=seconds), written).wire() == written.wire()
    later, second = NOW + timedelta(seconds=60), replace(REFUSED, correlation_id="22222222-2222-2222-2222-222222222222")
    attempts = next_attempts({"Cluster": Result(outcome=second)}, attempts, later, 600)
    again = status_of(second, attempts, later, written)
    assert again.conditions == written.conditions, "the id is no part of a condition"
    assert (again.attempts[0].count, again.attempts[0].correlation_id) == (2, second.correlation_id)
