"""`notebook-platform plan`: what the operator would do, before it does it. The operator's own engine, with nothing applied."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from notebook_platform.cli import program
from notebook_platform.cli.management import UsageError
from notebook_platform.cli.subject import Subject, add_arguments, subject
from notebook_platform.engine.change import Action, Change
from notebook_platform.engine.fold import sentence
from notebook_platform.engine.outcome import Blocked, Failed, InProgress
from notebook_platform.engine.walk import Mode, Policy, Result, reconcile
from notebook_platform.kube.redaction import KNOWN
from notebook_platform.policy import disruption_waits, ignored_by

NOTHING, ERROR, CHANGES = 0, 1, 2
"""Exit codes, as `terraform plan -detailed-exitcode` has them."""

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.REPLACE: ("-/+", "red"),
}


IMPOSSIBLE = ("✗", "red")
"""For changes that can never be made."""


def plan(arguments: Sequence[str]) -> int:
    """Print the plan; returns the exit code."""
    parser = argparse.ArgumentParser(f"{program()} plan", description="Say what the operator would do. Changes nothing.")
    parser.epilog = "exit codes: 0 nothing to do, 2 changes, 1 error"
    add_arguments(parser)
    given = parser.parse_args(list(arguments))
    try:
        return asyncio.run(_plan(given))
    except UsageError as error:
        print(f"{program()} plan: {error}", file=sys.stderr)
        return ERROR


async def _plan(arguments: argparse.Namespace) -> int:
    async with subject(arguments) as chosen:
        results = await planned(chosen)
    waits = disruption_waits(chosen.spec, datetime.now(UTC))
    if arguments.output == "json":
        print(KNOWN.clean(json.dumps(document(chosen, results, waits), indent=2, default=str)))
    else:
        show(Console(highlight=False, soft_wrap=True), chosen, results, waits)
    return exit_code(results)


async def planned(chosen: Subject) -> Mapping[str, Result]:
    """What each step would do. Nothing is written, neither in Azure nor to Secrets."""
    graph = await chosen.workshop.graph(chosen.platform, chosen.spec, chosen.secrets, {}, planning=True)
    return await reconcile(graph, Policy(mode=Mode.PLAN, ignored=ignored_by(chosen.spec.drift_ignore)))


def exit_code(results: Mapping[str, Result]) -> int:
    """0 nothing, 2 changes, 1 a step cannot be planned or a change cannot be made."""
    if any(isinstance(r.outcome, Failed) or any(change.cannot for change in r.changes) for r in results.values()):
        return ERROR
    return CHANGES if any(r.changes for r in results.values()) else NOTHING


def document(chosen: Subject, results: Mapping[str, Result], waits: str) -> dict[str, Any]:
    """The plan as data."""
    steps = [
        {
            "step": name,
            "changes": [_change(change) for change in result.changes],
            "takesSeconds": result.takes,
            **_trouble(result),
        }
        for name, result in results.items()
        if result.changes or _trouble(result)
    ]
    return {
        "platform": f"{chosen.platform.namespace}/{chosen.platform.name}",
        "subscription": chosen.spec.azure.subscription_id,
        "steps": steps,
        "inLine": _in_line(results),
        "summary": {**_counts(results), "takesSeconds": _length(results), "disruptionWaitsFor": waits or None},
    }


def _change(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"action": str(change.action), "path": change.path, "disrupts": change.disrupts}
    cannot = {"cannot": asdict(change.cannot)} if change.cannot else {}
    return found | {"before": change.before, "after": change.after} | cannot


def _in_line(results: Mapping[str, Result]) -> list[str]:
    return [name for name, r in results.items() if r.wanted and not r.changes and not _trouble(r)]


def _trouble(result: Result) -> dict[str, str]:
    outcome = result.outcome
    if isinstance(outcome, Failed):
        return {"reason": outcome.reason, "message": sentence(outcome)}
    if isinstance(outcome, InProgress):
        return {"reason": outcome.reason, "message": outcome.message}
    return {"reason": "Waiting", "message": f"waits for {', '.join(outcome.by)}"} if isinstance(outcome, Blocked) else {}


def _counts(results: Mapping[str, Result]) -> dict[str, int]:
    changes = [change for result in results.values() for change in result.changes if not change.cannot]
    impossible = sum(change.cannot is not None for result in results.values() for change in result.changes)
    counts = {str(action): sum(change.action is action for change in changes) for action in Action}
    return {**counts, "disrupts": sum(change.disrupts for change in changes), "impossible": impossible}


def _length(results: Mapping[str, Result]) -> float:
    return sum(result.takes for result in results.values())


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def show(console: Console, chosen: Subject, results: Mapping[str, Result], waits: str) -> None:
    """The plan for a person: one block a step that would do something, then a line that sums it up."""
    spec, platform = chosen.spec, chosen.platform
    console.print(
        f"Plan for {platform.namespace}/{platform.name} (subscription {spec.azure.subscription_id}, {spec.azure.location})\n"
    )
    for name, result in results.items():
        if result.changes:
            _block(console, name, result)
        if trouble := _trouble(result):
            sign, style = ("!", "red") if isinstance(result.outcome, Failed) else ("…", "dim")
            text = KNOWN.clean(f"{sign} {name}: {trouble['message']} ({trouble['reason']})\n")
            console.print(Text(text, style=style))
    if in_line := _in_line(results):
        console.print(Text(f"= in line: {', '.join(in_line)}\n", style="dim"))
    console.print(_summary(results, waits))


def _block(console: Console, name: str, result: Result) -> None:
    able = [change.action for change in result.changes if not change.cannot]
    sign, style = SIGNS[max(able, key=list(SIGNS).index)] if able else IMPOSSIBLE
    console.print(Text(f"{sign} {name}", style=f"bold {style}"), Text(f" {_duration(result.takes)}", style="dim"))
    for change in result.changes:
        sign, style = SIGNS[change.action] if not change.cannot else IMPOSSIBLE
        head = f"    {sign} {change.path}"
        if change.action is Action.CREATE:
            console.print(Text(head, style=style))
            for line in _lines(change.after):
                console.print(Text(KNOWN.clean(f"        {line}"), style=style))
            continue
        values = "" if change.action is Action.DELETE else f": {_value(change.before)} -> {_value(change.after)}"
        note = "  # disrupts people at work" if change.disrupts and not change.cannot else ""
        console.print(Text(KNOWN.clean(f"{head}{values}"), style=style) + Text(note, style="dim"))
        if change.cannot:
            console.print(Text(KNOWN.clean(f"        cannot be done: {sentence(change.cannot)}"), style=style))
    console.print()


def _lines(value: Any, name: str = "") -> list[str]:
    """A tree of members, one a line; what is empty is left out."""
    if isinstance(value, Mapping):
        inner = [line for key, child in value.items() if child not in (None, {}, []) for line in _lines(child, str(key))]
        return [f"{name}:", *(f"  {line}" for line in inner)] if name else inner
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        items = [_lines(item) for item in value]
        rows = [f"{'  ' if place else '- '}{line}" for lines in items for place, line in enumerate(lines)]
        return [f"{name}:", *(f"  {row}" for row in rows)]
    return [f"{name}: {_value(value)}" if name else _value(value)]


def _value(value: Any) -> str:
    if value is None:
        return "(absent)"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _summary(results: Mapping[str, Result], waits: str) -> Text:
    counts = _counts(results)
    if not any(counts.values()):
        failed = any(isinstance(r.outcome, Failed) for r in results.values())
        return (
            Text("The plan is not complete: see above.")
            if failed
            else Text("Nothing to do: what is there is what the spec asks for.")
        )
    words = {"create": "to create", "update": "to change", "replace": "to replace", "delete": "to delete"}
    words |= {"impossible": "that cannot be done"}
    parts = [f"{counts[action]} {said}" for action, said in words.items() if counts[action]]
    text = f"{', '.join(parts)}; {_duration(_length(results))}"
    if counts["disrupts"]:
        one = counts["disrupts"] == 1
        text += f"; {counts['disrupts']} {'disrupts' if one else 'disrupt'} people at work"
        text += f" and {'waits' if one else 'wait'} for {waits}" if waits else ""
    return Text(text, style="bold")
