"""The Secret with what was applied last and the baseline of drift: read once, written when it changes, untrusted."""

from collections.abc import Mapping
from typing import Any

import pytest
from notebook_platform.engine.drift import Baseline, StepBaseline
from notebook_platform.kube.applied import Applied, AppliedStore
from notebook_platform.kube.secrets import Platform

RECORD = {"Cluster": {"tags": {"team": "Alpha"}, "members": {"monitoring": "w"}}}
BASELINE = Baseline(
    generation=3,
    steps={
        "Cluster": StepBaseline(remaining=(), varying={"powerState.code": "1e"}),
        "Network": StepBaseline(remaining=("location",)),
        "NodePools": StepBaseline(reported={"a.count": "0f"}),
    },
)
APPLIED = Applied(records=RECORD, baseline=BASELINE)


class Namespace:
    """The Secrets of a namespace in memory, and how often each call was made."""

    platform = Platform(namespace="platforms", name="hub", uid="1")

    def __init__(self, **data: str) -> None:
        self.data: dict[str, dict[str, str]] = {"hub-applied": data} if data else {}
        self.calls: list[str] = []

    async def own(self, name: str, *, orphaned: bool = True, plain: bool = False) -> Mapping[str, str] | None:
        self.calls.append("read")
        return self.data.get(name)

    async def apply(self, name: str, data: Mapping[str, str], *, hidden: Mapping[str, str] | None = None) -> None:
        self.calls.append("write")
        self.data[name] = dict(data)

    async def delete(self, name: str) -> None:
        self.calls.append("delete")
        self.data.pop(name, None)


async def test_a_record_is_read_back_by_the_next_operator_and_after_a_rest() -> None:
    secrets = Namespace()
    store = AppliedStore(secrets)  # type: ignore[arg-type]
    await store.save(APPLIED)
    assert await AppliedStore(secrets).load() == APPLIED  # type: ignore[arg-type]
    store.pack()
    assert await store.load() == APPLIED


async def test_an_unchanged_record_costs_one_read_and_no_write() -> None:
    secrets = Namespace()
    store = AppliedStore(secrets)  # type: ignore[arg-type]
    await store.save(Applied())
    await store.save(Applied())
    assert secrets.calls == ["read"]
    await store.save(APPLIED)
    store.pack()
    await store.save(APPLIED)
    assert secrets.calls == ["read", "write"]
    await store.save(Applied())
    assert secrets.calls == ["read", "write", "delete"] and secrets.data == {}


async def test_a_baseline_that_changes_in_each_reconcile_is_stored_once() -> None:
    secrets = Namespace()
    store = AppliedStore(secrets)  # type: ignore[arg-type]
    for step in ("Network", "Cluster", "NodePools"):
        await store.save(Applied(baseline=Baseline(generation=1, steps={step: StepBaseline(remaining=())})), lazily=True)
        store.pack()
    assert secrets.calls == ["read"]
    last = await store.load()
    await store.save(last)
    await store.save(last)
    assert secrets.calls == ["read", "write"] and await AppliedStore(secrets).load() == last  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [
    "", "no json", "[]", "{}", '{"tags": [], "members": {}}', '{"tags": {"a": 1}, "members": {}}', '{"tags": {}}',
    '{"tags": {}, "members": {}, "more": {}}', '{"tags": {"a": {"b": "c"}}, "members": {}}', "[" * 100_000, '"' + "x" * 200_000,
])  # fmt: skip
async def test_a_malformed_record_in_the_secret_is_ignored(text: str) -> None:
    store: Any = AppliedStore(Namespace(Cluster=text, Network='{"tags": {"a": "1"}, "members": {}}'))  # type: ignore[arg-type]
    assert (await store.load()).records == {"Network": {"tags": {"a": "1"}, "members": {}}}


@pytest.mark.parametrize("text", [
    "", "no json", "[]", "{}", '{"generation": "x", "steps": {}}', '{"generation": 1e400, "steps": {}}', '{"generation": 1}',
    '{"generation": 1, "steps": {"Cluster": {"remaining": "path"}}}', '{"generation": 1, "steps": {"Cluster": {"reported": ["path"]}}}',
    '{"generation": 1, "steps": {"a": {"b": {"c": {"d": {"e": 1}}}}}}', "[" * 100_000,
])  # fmt: skip
async def test_a_forged_baseline_without_the_form_is_none(text: str) -> None:
    store: Any = AppliedStore(Namespace(baseline=text))  # type: ignore[arg-type]
    assert await store.load() == Applied()
