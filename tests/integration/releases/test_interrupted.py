"""Helm dies at any moment of an install or upgrade, alone or with its operator: the release recovers, and two Helm processes
never write at once."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from notebook_platform.engine import Failed, Progressing

from sandbox.operator_process import ROOT
from tests.environments import Say
from tests.integration.releases.cluster import Cluster
from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")
HOOK = "example.org/hook:1"
WRITES = ("install", "upgrade", "rollback")
MOMENTS = [(verb, tenth) for verb in ("install", "upgrade") for tenth in (0, 2, 4, 6, 8)]
BOUND = {"install": 2, "upgrade": 3}
"""Largest number of revisions: the wanted ones, and one that was written again."""

ENDS_WITHIN = 10.0
"""Seconds within which a Helm process without a parent ends, on a busy machine."""


def process_ids() -> set[int]:
    """Return the ids of all processes of this machine."""
    return {int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()}


OTHERS: set[int] = set()
"""Processes that ran before the test, while they run: none of them becomes its Helm. To read them all, at each sample, takes half a core."""


@pytest.fixture(autouse=True)
def others() -> None:
    OTHERS.clear()
    OTHERS.update(process_ids())


def helms(namespace: str) -> dict[int, str]:
    """Return the Helm processes that write releases of a namespace, with the verb; a shell or a process guard that waits for one
    does not count."""
    found, running = {}, process_ids()
    OTHERS.intersection_update(running)  # the id of one that has ended may be given again
    for pid in running - OTHERS:
        try:
            words = Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace").split("\0")
            verbs = [word for word in words if word in WRITES]
            if namespace in words and verbs and str(Path("/proc", str(pid), "exe").readlink()).endswith("/helm"):
                found[pid] = verbs[0]
        except OSError:
            continue
    return found


@dataclass
class Watched:
    """Samples: the number of processes that write the release, and the number of revisions that Helm has begun."""

    writers: list[int] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)


@asynccontextmanager
async def watched(harness: ReleaseHarness) -> AsyncIterator[Watched]:
    """Sample continuously while the block runs."""
    seen = Watched()

    async def processes() -> None:
        while True:
            seen.writers.append(len(helms(harness.namespace)))
            await asyncio.sleep(0.02)

    async def records() -> None:
        while True:
            seen.pending.append(sum(status.startswith("pending") for _, status in await harness.records()))
            await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(processes()), asyncio.create_task(records())]
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks), "what watched has failed"


async def turned(namespace: str, at_work: bool) -> None:
    """Wait until a Helm process writes, or until none does in three samples: a process has no command line during exec."""
    seen = 0
    for _ in range(3000):
        seen = seen + 1 if bool(helms(namespace)) is at_work else 0
        if seen == (1 if at_work else 3):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came true: at work {at_work}")


async def begun(harness: ReleaseHarness) -> None:
    """Reconcile until Helm writes."""
    await harness.until(lambda outcome: isinstance(outcome, Progressing) and outcome.reason in ("Installing", "Upgrading"))
    await turned(harness.namespace, True)


async def undisturbed(harness: ReleaseHarness) -> float:
    """Return the seconds that Helm takes without interruption."""
    loop = asyncio.get_running_loop()
    await begun(harness)
    started = loop.time()
    await turned(harness.namespace, False)
    took = loop.time() - started
    await harness.ready()
    return took


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def seconds(cluster: Cluster) -> dict[str, float]:
    """Return how long an install and an upgrade take, in seconds."""
    wanted = {"name": "little", "namespace": "undisturbed", "chart": {"name": "little", "version": "1.0.0"}}
    harness = ReleaseHarness(cluster, cluster.helm(), "undisturbed", [wanted])
    harness.set(hook=HOOK)
    install = await undisturbed(harness)
    harness.set(hook=HOOK, note="b")
    return {"install": install, "upgrade": await undisturbed(harness)}


@pytest.fixture(scope="module")
def table(say: Say) -> Iterator[list[str]]:
    rows: list[str] = []
    yield rows
    say(
        LINE.format(
            "killed in",
            "at",
            "Helm's records then",
            "who died",
            "revisions after",
            "locks freed",
            "writers at once",
            "pending at once",
        )
    )
    for one in rows:
        say(one)


Records = list[tuple[int, str]]
LINE = "{:<9} {:<6} {:<30} {:<21} {:<16} {:<12} {:<16} {}"


def row(verb: str, moment: str, records: Records, who: str, after: Records, freed: int, writers: int, pending: int) -> str:
    """Format one interruption: its moment and the result."""
    stood = ", ".join(f"{number} {status}" for number, status in records) or "nothing"
    return LINE.format(verb, moment, stood, who, f"{len(after)} (newest {after[-1][0]})", freed, writers, pending)


@pytest.mark.parametrize(("verb", "tenth"), MOMENTS)
async def test_helm_killed_at_any_moment_recovers_and_never_two_write(
    harness: ReleaseHarness, seconds: dict[str, float], table: list[str], verb: str, tenth: int
) -> None:
    with_operator = tenth % 4 == 0
    harness.set(hook=HOOK)
    if verb == "upgrade":
        await harness.ready()
        harness.set(hook=HOOK, note="b")
    async with watched(harness) as seen:
        await begun(harness)
        await asyncio.sleep(seconds[verb] * tenth / 10)
        for pid in helms(harness.namespace):
            os.kill(pid, signal.SIGKILL)
        if with_operator:
            await harness.helm.close()
            harness.helm = harness.cluster.helm()
        records = await harness.records()
        running = await harness.ready()
    after = await harness.records()
    assert running.state == "deployed" and [status for _, status in after].count("deployed") == 1
    assert not [status for _, status in after if status.startswith("pending")]
    made = await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)
    assert made.data == {"note": "b" if verb == "upgrade" else "a"}
    assert max(seen.writers) <= 1 and max(seen.pending) <= 1 and running.revision <= BOUND[verb]
    owned = await harness.owned()
    assert owned is not None and owned.failures == 0 and max(owned.revisions) == running.revision
    who = "operator" if with_operator else "helm"
    where = f"{seconds[verb] * tenth / 10:.1f} s"
    table.append(row(verb, where, records, who, after, owned.recoveries, max(seen.writers), max(seen.pending)))


async def test_an_operator_that_is_killed_takes_its_helm_along_and_the_next_one_recovers(
    harness: ReleaseHarness, table: list[str]
) -> None:
    """After SIGKILL the operator ends no process: no handler runs and no task is cancelled."""
    directory = harness.cluster.directory / "apart"
    command = ["-m", "tests.integration.releases.operator_apart", str(harness.cluster.charts), str(directory), harness.namespace]
    apart = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=asyncio.subprocess.PIPE, cwd=ROOT)
    assert apart.stdin is not None
    apart.stdin.write(harness.cluster.kubeconfig.encode())
    apart.stdin.close()
    async with watched(harness) as seen:
        await turned(harness.namespace, True)
        await harness.soon(harness.records)
        apart.kill()
        await apart.wait()
        async with asyncio.timeout(ENDS_WITHIN):
            await turned(harness.namespace, False)
        records = await harness.records()
        running = await harness.ready()
    after = await harness.records()
    assert records == [(1, "pending-install")] and after == [(1, "deployed")] and running.state == "deployed"
    assert max(seen.writers) <= 1 and max(seen.pending) <= 1
    owned = await harness.owned()
    assert owned is not None and owned.recoveries == 1
    table.append(row("install", "hook", records, "operator, by SIGKILL", after, 1, max(seen.writers), max(seen.pending)))


async def test_a_hook_that_never_ends_is_shown_ends_stalled_with_helms_words_and_holds_nothing_else_up(
    harness: ReleaseHarness,
) -> None:
    harness.helm = harness.cluster.helm(timeout=4)
    harness.set(hook="example.org/does-not-exist:1")
    harness.wants.append(
        {"name": "other", "namespace": f"{harness.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    )
    result = await harness.until(lambda outcome: "waits for the pre-upgrade Job little-hook" in getattr(outcome, "message", ""))
    assert isinstance(result, Progressing) and result.reason == "Installing"
    await harness.ready("ReleaseOther")
    stalled = await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert stalled.reason == "HookFailed" and "tried 2 times" in stalled.message and "timed out" in stalled.message, stalled
    assert "spec.releases[little]" in stalled.message
    harness.set(hook=HOOK)
    assert (await harness.ready()).state == "deployed"
