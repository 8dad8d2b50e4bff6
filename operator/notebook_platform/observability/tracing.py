"""Traces: a span for each reconcile, step, request to Azure and Helm action, for a receiver of OpenTelemetry's protocol (OTLP).

A trace is one reconcile, with what it caused below it; a Helm action may outlast the reconcile that started it. Spans carry the context
of log lines (`current_fields`), labels of metrics and results, and no text that a user, Azure or a chart wrote: no message, no address,
no value. The libraries are an optional extra, `notebook-platform[otel]`, and are imported only if an endpoint is configured; until then a
span costs one comparison.

https://opentelemetry.io/docs/specs/otlp
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from notebook_platform import __version__
from notebook_platform.observability.context import current_fields

STANDARD_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables that OpenTelemetry's libraries read (https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter)."""

FLUSH_MILLISECONDS = 5000
"""Time for the last spans at the end of the process."""


class TracingUnavailable(Exception):
    """An endpoint is configured and the libraries are not installed. Its text is for the administrator."""


class Span:
    """One span that has begun; `end` ends it."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, **attributes: str | int) -> None:
        """Set attributes, as `reason="QuotaExceeded"` for notebook_platform.reason."""
        self._span.set_attributes(_named(attributes))

    def fail(self) -> None:
        """Mark the work as failed, without a text."""
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)

    def end(self) -> None:
        """End the span."""
        self._span.end()


class _Tracing:
    """The tracer of the process; None while traces are off."""

    tracer: Any = None


_OFF: AbstractContextManager[Span | None] = nullcontext()


def configure(endpoint: str | None) -> Callable[[], None]:
    """Send spans to `endpoint`, as http://collector:4318, or to the one of STANDARD_ENDPOINTS; without any, traces stay off.

    Returns a call that sends the last spans and ends tracing; it blocks for up to FLUSH_MILLISECONDS. Raises TracingUnavailable.
    """
    if not endpoint and not any(os.environ.get(name) for name in STANDARD_ENDPOINTS):
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        text = "an OTLP endpoint is configured, and OpenTelemetry is not installed. Install notebook-platform[otel]."
        raise TracingUnavailable(text) from None
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None)
    resource = Resource.create({"service.name": "notebook-platform", "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))  # sends in a thread of its own
    _Tracing.tracer = provider.get_tracer("notebook_platform", __version__)

    def end() -> None:
        _Tracing.tracer = None
        provider.force_flush(FLUSH_MILLISECONDS)
        provider.shutdown()

    return end


def span(name: str, **attributes: str | int) -> AbstractContextManager[Span | None]:
    """Return a span that lasts as long as its block, as the parent of those that begin in it; None while traces are off."""
    return _OFF if _Tracing.tracer is None else _current(name, attributes)


def begin(name: str, **attributes: str | int) -> Span | None:
    """Begin a span below the current one, which the caller ends; None while traces are off."""
    return None if _Tracing.tracer is None else Span(_Tracing.tracer.start_span(name, attributes=_all(attributes)))


@contextmanager
def _current(name: str, attributes: dict[str, str | int]) -> Iterator[Span]:
    # The texts of exceptions are left out: they could hold secrets.
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with _Tracing.tracer.start_as_current_span(name, attributes=_all(attributes), **quiet) as opened:
        yield Span(opened)


def _all(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return _named({**current_fields(), **attributes})


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {f"notebook_platform.{name}": value for name, value in attributes.items()}
