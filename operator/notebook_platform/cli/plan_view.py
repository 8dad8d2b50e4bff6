"""A plan as text for a terminal and as JSON. Pure: the output follows from the results of a reconcile in plan mode."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.cli.output import styled
from notebook_platform.engine.change import Action, Change, Impossible, NeedsApproval
from notebook_platform.engine.conditions import sentence
from notebook_platform.engine.outcome import Failed, Rechecked, Waiting
from notebook_platform.engine.result import Result
from notebook_platform.kube.secrets import Platform

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.REPLACE: ("-/+", "red"),
}
IMPOSSIBLE, IN_PROGRESS = ("✗", "red"), ("…", "yellow")
WORDS = {"create": "to create", "update": "to change", "replace": "to replace", "delete": "to delete"}
ABSENT = "(absent)"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The results of a reconcile that applied nothing, in the graph's order. `needs`: the steps that each one depends on;
    `deferred_until`: what disruptive changes wait for; empty if they are applied at once."""

    platform: Platform
    spec: NotebookPlatformSpec
    results: Mapping[str, Result]
    needs: Mapping[str, Sequence[str]]
    deferred_until: str = ""

    @property
    def changes(self) -> list[Change]:
        """Return the changes that can be made."""
        return [
            change for result in self.results.values() for change in result.changes if not isinstance(change.gate, Impossible)
        ]

    @property
    def impossible(self) -> list[Change]:
        """Return the changes that the spec asks for and that are impossible."""
        return [change for result in self.results.values() for change in result.changes if isinstance(change.gate, Impossible)]

    @property
    def failed(self) -> dict[str, Failed]:
        """Return the steps that cannot be planned, with the failure."""
        return {name: r.outcome for name, r in self.results.items() if isinstance(r.outcome, Failed)}

    @property
    def in_progress(self) -> dict[str, Rechecked]:
        """Return the steps with an operation in progress."""
        return {name: r.outcome for name, r in self.results.items() if isinstance(r.outcome, Rechecked)}

    @property
    def waiting(self) -> list[str]:
        """Return the steps that depend on one that failed or is in progress."""
        return [name for name, r in self.results.items() if isinstance(r.outcome, Waiting)]

    @property
    def up_to_date(self) -> list[str]:
        """Return the steps without changes."""
        apart = {*self.failed, *self.in_progress, *self.waiting}
        return [name for name, r in self.results.items() if r.wanted and not r.changes and name not in apart]

    @property
    def seconds(self) -> float:
        """Return the estimated duration in seconds: steps run concurrently, each once those it needs are done."""
        ends: dict[str, float] = {}
        for name, result in self.results.items():
            ends[name] = max((ends[need] for need in self.needs[name]), default=0.0) + result.estimate_seconds
        return max(ends.values(), default=0.0)

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of changes by action, and of those that are disruptive, impossible, or need approval."""
        counts = {str(action): sum(change.action is action for change in self.changes) for action in Action}
        awaiting = sum(isinstance(change.gate, NeedsApproval) for change in self.changes)
        disrupts = sum(change.disruptive for change in self.changes)
        return {**counts, "disrupts": disrupts, "impossible": len(self.impossible), "awaiting": awaiting}


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON document."""
    steps = [
        {
            "step": name,
            "changes": [_change(c) for c in result.changes],
            "takesSeconds": result.estimate_seconds,
            **_unfinished(result),
        }
        for name, result in plan.results.items()
        if result.changes or _unfinished(result)
    ]
    return {
        "platform": f"{plan.platform.namespace}/{plan.platform.name}",
        "subscription": plan.spec.azure.subscription_id,
        "steps": steps,
        "upToDate": plan.up_to_date,
        "summary": {**plan.counts, "takesSeconds": plan.seconds, "disruptionWaitsFor": plan.deferred_until or None},
    }


def _change(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"action": str(change.action), "path": change.path, "disrupts": change.disruptive}
    found |= {"before": change.before, "after": change.after}
    match change.gate:
        case Impossible(failed=failed):
            return found | {"blocker": asdict(failed)}
        case NeedsApproval(failed=failed):
            return found | {"requiresApproval": asdict(failed)}
    return found


def _unfinished(result: Result) -> dict[str, str]:
    outcome = result.outcome
    if isinstance(outcome, Failed):
        return {"reason": outcome.reason, "message": sentence(outcome)}
    if isinstance(outcome, Rechecked):
        return {"reason": outcome.reason, "message": outcome.message}
    return {"reason": "Waiting", "message": f"waits for {', '.join(outcome.on)}"} if isinstance(outcome, Waiting) else {}


def print_plan(console: Console, plan: Plan) -> None:
    """Print one block for each step with changes, then the steps that are up to date, then a summary."""
    for line in lines(plan):
        console.print(line)


def lines(plan: Plan) -> Iterator[Text]:
    """Yield the lines of the plan; ids in the platform's own resource group are shortened."""
    azure = plan.spec.azure
    yield styled(f"Plan for {plan.platform.namespace}/{plan.platform.name}", "bold")
    yield styled(f"Subscription {azure.subscription_id}, {azure.location}, resource group {azure.resource_group}\n", "dim")
    own = re.compile(
        rf"/subscriptions/{re.escape(azure.subscription_id)}/resourceGroups/{re.escape(azure.resource_group)}/providers", re.I
    )
    for name, result in plan.results.items():
        for text, style in _step(name, result):
            yield styled(own.sub("…", text), style)
    for sign, label, names in (("…", "waiting for those steps", plan.waiting), ("=", "up to date", plan.up_to_date)):
        if names:
            yield styled(f"{sign} {label}: {', '.join(names)}\n", "dim")
    yield styled(_summary(plan), "bold")


def _step(name: str, result: Result) -> Iterator[tuple[str, str]]:
    """Yield the block of one step as (text, style)."""
    if result.changes:
        yield from _block(name, result.changes, result.estimate_seconds)
    if isinstance(result.outcome, Failed):
        yield f"{IMPOSSIBLE[0]} {name}: {sentence(result.outcome)} ({result.outcome.reason})\n", IMPOSSIBLE[1]
    elif isinstance(result.outcome, Rechecked):
        yield f"{IN_PROGRESS[0]} {name}: {result.outcome.message} ({result.outcome.reason})\n", IN_PROGRESS[1]


def _block(name: str, changes: Sequence[Change], estimate_seconds: float) -> Iterator[tuple[str, str]]:
    able = [change.action for change in changes if not isinstance(change.gate, Impossible)]
    sign, style = SIGNS[max(able, key=list(SIGNS).index)] if able else IMPOSSIBLE
    yield f"{sign} {name}" + (f"  ({_duration(estimate_seconds)})" if estimate_seconds else ""), f"bold {style}"
    members = [change for change in changes if not _is_tree(change)]
    widest = max((len(change.path) for change in members), default=0)
    for change in changes:
        sign, style = IMPOSSIBLE if isinstance(change.gate, Impossible) else SIGNS[change.action]
        if _is_tree(change):
            yield f"  {sign:>3} {change.path}", style
            yield from ((f"        {line}", style) for line in _tree(change.after))
        else:
            note = "  # disruptive" if change.disruptive and not isinstance(change.gate, Impossible) else ""
            yield f"  {sign:>3} {change.path:<{widest}}  {_difference(change)}".rstrip() + note, style
        match change.gate:
            case Impossible(failed=failed):
                yield f"        cannot be done: {sentence(failed)}", style
            case NeedsApproval(failed=failed):
                yield f"        waits: {sentence(failed)}", style
    yield "", ""


def _is_tree(change: Change) -> bool:
    return change.action is Action.CREATE and isinstance(change.after, Mapping)


def _difference(change: Change) -> str:
    if change.action is Action.CREATE:
        return _value(change.after)
    if change.action is Action.DELETE:
        return ""
    if change.after is None and isinstance(change.before, list):
        return f"differ at {', '.join(map(str, change.before))}"  # the values themselves may be secret
    return f"{_value(change.before)} -> {_value(change.after)}"


def _tree(value: Any) -> list[str]:
    """Return a mapping as lines, one member a line with values aligned; empty members are left out."""
    if not isinstance(value, Mapping):
        return [_value(value)]
    present = {str(key): child for key, child in value.items() if child not in (None, {}, [])}
    widest = max((len(key) for key, child in present.items() if not _nests(child)), default=0) + 1
    found: list[str] = []
    for key, child in present.items():
        if not _nests(child):
            found.append(f"{key + ':':<{widest}} {_value(child)}")
        else:
            found += [f"{key}:", *(f"  {line}" for line in (_tree(child) if isinstance(child, Mapping) else _items(child)))]
    return found


def _nests(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value))


def _items(values: Sequence[Any]) -> list[str]:
    return [f"{'  ' if place else '- '}{line}" for value in values for place, line in enumerate(_tree(value))]


def _value(value: Any) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def _summary(plan: Plan) -> str:
    if plan.failed:
        return f"The plan is not complete: {', '.join(plan.failed)} cannot be planned."
    counts, more = plan.counts, f", and more once {', '.join(plan.in_progress)} has ended" if plan.waiting else ""
    parts = [f"{counts[action]} {words}" for action, words in WORDS.items() if counts[action]]
    impossible = f"{counts['impossible']} that cannot be done" if plan.impossible else ""
    if not parts:
        return f"Nothing to do now{more}." if more else f"{impossible or 'Nothing to do: everything is up to date'}."
    text = f"{', '.join(parts)}{more}; takes {_duration(plan.seconds)}"
    if counts["disrupts"]:
        text += f"; {counts['disrupts']} {'is' if counts['disrupts'] == 1 else 'are'} disruptive"
        text += f" and deferred until {plan.deferred_until}" if plan.deferred_until else ""
    if counts["awaiting"]:
        text += f"; {counts['awaiting']} wait{'s' if counts['awaiting'] == 1 else ''} for approval"
    return f"{text}{'; ' + impossible if impossible else ''}."
