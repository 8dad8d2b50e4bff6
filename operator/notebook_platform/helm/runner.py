"""Runs Helm (through pyhelm3) beside the reconciles: one reconcile starts it, later ones read its state, none waits for it."""

import asyncio
import contextlib
import json
import logging
import os
import shlex
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyhelm3 import Command
from pyhelm3.errors import Error

from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.fencing import check_fence
from notebook_platform.helm import process_guard
from notebook_platform.helm.charts import ChartRef, ChartSource
from notebook_platform.helm.command import HelmCommand
from notebook_platform.helm.dry_run import DryRuns
from notebook_platform.helm.errors import failure, words_of
from notebook_platform.helm.packages import Packages
from notebook_platform.helm.record_proxy import Access, RecordProxy
from notebook_platform.helm.state import Wanted
from notebook_platform.observability.context import fields
from notebook_platform.observability.metrics import HELM_RUNS, HELM_SECONDS
from notebook_platform.observability.tracing import begin
from notebook_platform.workload.step import WorkloadClusterOutput

log = logging.getLogger(__name__)

HISTORY = 10
"""Revisions that helm keeps."""

PULL = """#!/bin/sh
ulimit -f {blocks} && ulimit -d {kilobytes} && exec {helm} "$@"
"""
"""The content of a repository is not trusted: the index and the package are bounded, on disk and in memory."""

PULL_BLOCKS, PULL_KILOBYTES = 64 * 1024 * 2, 512 * 1024
"""64 MiB in blocks of 512 bytes (a large repository's index has 20), 512 MiB (helm holds a parsed index in memory)."""

SCRIPT = """#!/bin/sh
export HOME={home} HELM_CACHE_HOME={cache} HELM_CONFIG_HOME={config} HELM_DATA_HOME={data} {variable}={operator}
exec {python} -I -S {guard} {helm} "$@"
"""
"""pyhelm3 takes one program, with no arguments of ours and with the operator's environment, of which the process guard passes on a part."""

KUBECONFIG = "kubeconfig-{pid}-{process}-"
_PROCESS = os.urandom(6).hex()
"""Distinguishes this process from an earlier one with the same id, which is usual in containers."""


FAILED_SECONDS = 3600.0
"""Seconds for which a failure to uninstall a release is remembered."""


@dataclass
class Run:
    """One running or ended Helm process; `words` is Helm's message when it failed, `wish` what it works for, if that may
    change."""

    verb: str
    task: "asyncio.Task[None]"
    words: str | None = None
    wish: object = None
    started: float = field(default_factory=time.monotonic)
    refused: Failed | None = None

    @property
    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self.task.done()

    def failed(self, field: str) -> Failed | None:
        """Return the failure for the part of the spec `field`; None if the process did not fail."""
        return self.refused or (None if self.words is None else failure(self.words, field))

    @property
    def seconds(self) -> float:
        """Return the seconds since the process began."""
        return time.monotonic() - self.started


@dataclass(frozen=True)
class FailedUninstallation:
    """The last failure of Helm to uninstall a release. `count`: how many there were in a row; `at`: when, on the monotonic clock."""

    words: str
    count: int
    at: float


class Helm:
    """All Helm processes of the operator. Only one at a time works on a release."""

    def __init__(self, *, executable: str, work_dir: Path, charts: ChartSource, timeout: int) -> None:
        self.charts = charts
        self.timeout = timeout
        self.dry_runs = DryRuns(self._rehearse)
        self._proxy = RecordProxy()
        self._work_dir = work_dir
        self._runs: dict[str, Run] = {}
        self._failed: dict[str, FailedUninstallation] = {}
        work_dir.mkdir(parents=True, exist_ok=True)
        (work_dir / "home").mkdir(exist_ok=True, mode=0o700)
        self._executable = work_dir / f"helm-on-a-leash-{os.getpid()}"  # a command may share the directory with the operator
        places = {name: str(work_dir / name) for name in ("home", "cache", "config", "data")}
        programs = {"python": sys.executable, "guard": process_guard.__file__, "helm": shutil.which(executable) or executable}
        words = {**places, **programs, "variable": process_guard.OPERATOR, "operator": str(os.getpid())}
        self._executable.write_text(SCRIPT.format(**{name: shlex.quote(word) for name, word in words.items()}))
        self._executable.chmod(0o700)
        self._puller = work_dir / f"helm-that-pulls-{os.getpid()}"
        limited = {"blocks": PULL_BLOCKS, "kilobytes": PULL_KILOBYTES, "helm": shlex.quote(str(self._executable))}
        self._puller.write_text(PULL.format(**limited))
        self._puller.chmod(0o700)
        self.packages = Packages(work_dir / "packages", self._pull)
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove kubeconfigs and scripts of operators and commands that have ended."""
        for path in self._work_dir.glob("helm-*-*-*"):
            if not Path("/proc", path.name.rpartition("-")[2]).exists():
                path.unlink(missing_ok=True)
        for path in self._work_dir.glob("kubeconfig-*-*-*"):
            _, pid, process, _ = path.name.split("-", 3)
            ours = pid == str(os.getpid())
            if (ours and process != _PROCESS) or not (ours or Path("/proc", pid).exists()):
                path.unlink(missing_ok=True)

    def run_of(self, key: str) -> Run | None:
        """Return the running or just ended process of a release; an ended one is returned once."""
        run = self._runs.get(key)
        if run and run.ended:
            del self._runs[key]
        return run

    def failed_uninstallation(self, key: str) -> FailedUninstallation | None:
        """Return the last failure to uninstall a release, for an hour; None: there is none, or Helm has run for it since."""
        found = self._failed.get(key)
        return found if found is not None and time.monotonic() - found.at < FAILED_SECONDS else None

    def stop(self, key: str) -> bool:
        """End a run that is no longer wanted. Returns whether there was one; a later reconcile recovers an unfinished revision."""
        run = self._runs.get(key)
        if run is None or run.ended:
            return False
        run.task.cancel()
        return True

    def abort(self, uid: str) -> list["asyncio.Task[None]"]:
        """Cancel the helm processes of a platform. Returns their tasks, which have not ended yet."""
        tasks = [run.task for key, run in self._runs.items() if key.startswith(f"{uid}/")]
        for task in tasks:
            task.cancel()
        return tasks

    async def end(self, uid: str) -> None:
        """End the helm processes of a platform; a later reconcile, of whichever replica, recovers the releases."""
        await asyncio.gather(*self.abort(uid), return_exceptions=True)
        for kept in (self._runs, self._failed):
            for key in [key for key in kept if key.startswith(f"{uid}/")]:
                del kept[key]

    def start(
        self, key: str, verb: str, access: Access, work: Callable[[Command], Awaitable[object]], wish: object = None
    ) -> None:
        """Begin `work` with a helm that reaches the cluster through the record proxy. Nothing is begun while one runs. Raises
        LeaseLost."""
        check_fence()
        if key in self._runs and not self._runs[key].ended:
            return

        before = self._failed.pop(key, None)
        count = before.count if before is not None else 0

        async def run() -> None:
            async with (
                _logged(verb, access, self._runs[key]),
                self._proxy.kubeconfig(key, access) as kubeconfig,
                self._command(kubeconfig) as command,
            ):
                try:
                    check_fence()
                    await work(command)
                except Error as error:
                    words = self._runs[key].words = error.stderr.decode(errors="replace")
                    if verb == "uninstall":
                        self._failed[key] = FailedUninstallation(words, count + 1, time.monotonic())
                except StepError as refused:
                    self._runs[key].refused = refused.failed

        HELM_RUNS.labels(action=verb).inc()
        self._runs[key] = Run(verb, asyncio.create_task(run(), name=f"helm {verb} {key}"), wish=wish)

    async def _rehearse(self, target: WorkloadClusterOutput, wanted: Wanted, upgrade: bool) -> str:
        """Return what Helm would send to the cluster, from Helm and the cluster together, with nothing written; from Helm alone
        while the cluster is only planned. Raises Helm's Error."""
        async with self.packages.checked(wanted.chart) as chart:
            return await self._rendered(target, wanted, chart, upgrade)

    async def _rendered(self, target: WorkloadClusterOutput, wanted: Wanted, chart: ChartRef, upgrade: bool) -> str:
        command = ["template", wanted.name, chart.reference, "--values", "-", "--namespace", wanted.namespace]
        if target.api is None:
            command += ["--kube-version", ".".join(map(str, target.served_version))]
        else:
            command += ["--validate", "--disable-openapi-validation", *(["--is-upgrade"] if upgrade else [])]
        command += ["--repo", chart.repository] if chart.repository else []
        command += [] if chart.is_archive else ["--version", chart.version]
        HELM_RUNS.labels(action="rehearsal").inc()
        kubeconfig = target.access.kubeconfig() if target.api is not None and target.access else ""
        async with self._command(kubeconfig) as helm:
            rendered: bytes = await helm.run(command, json.dumps(wanted.values).encode())
        return rendered.decode()

    async def _pull(self, chart: ChartRef, directory: Path) -> None:
        """Let Helm download the package of a chart. Raises Helm's Error."""
        HELM_RUNS.labels(action="pull").inc()
        command = ["pull", chart.reference, "--version", chart.version, "--destination", str(directory)]
        command += ["--repo", chart.repository] if chart.repository else []
        await Command(executable=str(self._puller)).run(command)

    @asynccontextmanager
    async def _command(self, kubeconfig: str) -> AsyncIterator[Command]:
        """Yield a Helm with a kubeconfig in a file that only the operator's user can read, for as long as the block lasts. It
        is either the record proxy's or made from the strictly parsed parts of the cluster's."""
        name = KUBECONFIG.format(pid=os.getpid(), process=_PROCESS) + os.urandom(6).hex()
        descriptor = os.open(path := self._work_dir / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(kubeconfig)
            yield HelmCommand(
                executable=str(self._executable),
                kubeconfig=path,
                default_timeout=f"{self.timeout}s",
                history_max_revisions=HISTORY,
            )
        finally:
            path.unlink(missing_ok=True)

    async def close(self) -> None:
        """End all Helm processes; the next operator recovers the releases."""
        await self.dry_runs.close()
        for run in self._runs.values():
            run.task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*(run.task for run in self._runs.values()), return_exceptions=True)
        await self._proxy.close()


@asynccontextmanager
async def _logged(verb: str, access: Access, run: Run) -> AsyncIterator[None]:
    """Log the begin and the end of a Helm process: INFO, or WARNING with Helm's message when it fails or is stopped."""
    namespace, release = access.place
    extra = {"action": verb, "release": f"{namespace}/{release}"}
    log.info("helm %s started: release %s in namespace %s", verb, release, namespace, extra=fields(**extra))
    level, result, cause = logging.WARNING, "stopped", ""
    traced = begin("helm", action=verb)
    try:
        yield
        if run.refused is not None:
            result, cause = "failed", run.refused.message
        elif run.words is not None:
            result, cause = "failed", words_of(run.words)
        else:
            level, result = logging.INFO, "succeeded"
    except Exception as error:
        result, cause = "failed", type(error).__name__
        raise
    finally:
        if traced is not None:
            traced.set(result=result)
            traced.end()
        seconds = round(run.seconds, 1)
        HELM_SECONDS.labels(action=verb, result=result).observe(run.seconds)
        text = {"stopped": "was stopped", "failed": f"failed: {cause}"}.get(result, result)
        message = "helm %s of release %s in namespace %s %s (after %.0f s)"
        log.log(level, message, verb, release, namespace, text, seconds, extra=fields(**extra, result=result, seconds=seconds))
