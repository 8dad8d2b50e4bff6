"""The Secret that records what was applied last: read once, written when it changes, untrusted."""

from collections.abc import Mapping
from typing import Any

import pytest
from notebook_platform.kube.applied import AppliedStore
from notebook_platform.kube.secrets import Platform

RECORD = {"Cluster": {"tags": {"team": "Alpha"}, "members": {"monitoring": "w"}}}


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


async def test_a_record_is_read_back_by_the_next_operator() -> None:
    secrets = Namespace()
    await AppliedStore(secrets).save(RECORD)  # type: ignore[arg-type]
    assert await AppliedStore(secrets).load() == RECORD  # type: ignore[arg-type]


async def test_an_unchanged_record_costs_one_read_and_no_write() -> None:
    secrets = Namespace()
    store = AppliedStore(secrets)  # type: ignore[arg-type]
    await store.save({})
    await store.save({})
    assert secrets.calls == ["read"]
    await store.save(RECORD)
    await store.save(RECORD)
    assert secrets.calls == ["read", "write"]
    await store.save({})
    assert secrets.calls == ["read", "write", "delete"] and secrets.data == {}


@pytest.mark.parametrize("text", [
    "", "no json", "[]", "{}", '{"tags": [], "members": {}}', '{"tags": {"a": 1}, "members": {}}', '{"tags": {}}',
    '{"tags": {}, "members": {}, "more": {}}', '{"tags": {"a": {"b": "c"}}, "members": {}}', "[" * 100_000, '"' + "x" * 200_000,
])  # fmt: skip
async def test_what_a_user_wrote_into_the_secret_is_ignored_unless_it_has_the_form(text: str) -> None:
    store: Any = AppliedStore(Namespace(Cluster=text, Network='{"tags": {"a": "1"}, "members": {}}'))  # type: ignore[arg-type]
    assert await store.load() == {"Network": {"tags": {"a": "1"}, "members": {}}}
