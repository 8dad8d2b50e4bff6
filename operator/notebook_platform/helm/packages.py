"""Packages of charts whose digest the spec gives. A *package* is the archive (`name-version.tgz`) that a repository serves: the
operator obtains it itself, compares, and lets Helm use that very file only, so that a later change of the repository or
directory has no effect.

Packages are kept by their digest in the operator's private directory, a bounded number of them. Whoever uses one gets a link of its own, so
that removing an old package never takes a file away from a helm that runs.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pyhelm3.errors import Error

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.time_limit import in_turn
from notebook_platform.helm.charts import ChartRef
from notebook_platform.helm.errors import failure

LARGEST = 20 * 1024 * 1024
"""Bytes of a package. Helm's own limit for a chart, unpacked, is 100 MiB; JupyterHub's package has less than 100 kB."""

PULL_SECONDS = 120.0
KEPT = 3
"""Packages that are kept in the private directory, which counts towards the pod's memory."""

LEFT_BEHIND = 3600.0
"""Seconds after which a leftover file is deleted: more than Helm ever works on one package."""

OVER_THE_LIMIT = ("file too large", "out of memory", "cannot allocate memory")
"""Parts of Helm's messages when it reaches a limit of the runner."""

AT_ONCE = 2
"""Packages that are downloaded at the same time."""

ALGORITHM = "sha256:"

Pull = Callable[[ChartRef, Path], Awaitable[None]]
"""Lets helm download a package into a directory. Raises helm's Error."""


class Packages:
    """The packages of charts for which a spec sets a digest."""

    def __init__(self, directory: Path, pull: Pull) -> None:
        self._directory = directory
        self._pull = pull
        self._slots = asyncio.Semaphore(AT_ONCE)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_leftovers()

    @asynccontextmanager
    async def checked(self, chart: ChartRef) -> AsyncIterator[ChartRef]:
        """Yield the chart for Helm, for as long as the block lasts: unchanged where no digest is given, else a file whose
        content has that digest.

        Raises StepError (ChartDigestMismatch, ChartTooLarge, and what the repository answers).
        """
        if chart.digest is None:
            yield chart
            return
        link = await asyncio.to_thread(self._linked, chart.digest)
        if link is None:
            async with in_turn(self._slots):
                link = await self._obtained(chart, chart.digest)
        try:
            yield replace(chart, reference=str(link), repository=None, is_archive=True)
        finally:
            link.unlink(missing_ok=True)

    async def _obtained(self, chart: ChartRef, digest: str) -> Path:
        """Fetch the package from the chart's source, and keep it only if it has the digest of the spec."""
        with tempfile.TemporaryDirectory(dir=self._directory, prefix="pull-", ignore_cleanup_errors=True) as place:
            if not chart.is_archive:
                await self._pulled(chart, Path(place))
            copy = Path(place, "package")
            found = await asyncio.to_thread(_copied, chart, Path(place), copy)
            if found != digest:
                raise StepError(
                    Reason.CHART_DIGEST_MISMATCH,
                    f"{chart.field}.digest is {digest}, but the package of {chart.name} {chart.version} has {found}",
                    f"Compare it with the digest that the chart's publisher states. If the package is genuine, set {chart.field}.digest "
                    "to its digest; otherwise do not install it.",
                )
            return await asyncio.to_thread(self._kept, copy, digest)

    async def _pulled(self, chart: ChartRef, place: Path) -> None:
        try:
            async with asyncio.timeout(PULL_SECONDS):
                await self._pull(chart, place)
        except TimeoutError:
            raise StepError(
                Reason.REPOSITORY_UNREACHABLE,
                f"{chart.field}: the package of {chart.name} {chart.version} did not arrive within {PULL_SECONDS:.0f} seconds",
                "Check the connection from the operator to the chart repository.",
                retry_in=60,
            ) from None
        except Error as error:
            words = error.stderr.decode(errors="replace")
            if any(sign in words for sign in OVER_THE_LIMIT):
                raise _too_large(chart) from None
            raise StepError.of(failure(words, chart.field.removesuffix(".chart"))) from None

    def _name(self, digest: str) -> Path:
        return self._directory / f"{digest.removeprefix(ALGORITHM)}.tgz"

    def _linked(self, digest: str) -> Path | None:
        """Return a link to a kept package, if there is one and its content is unchanged."""
        link = self._directory / f"use-{os.urandom(8).hex()}.tgz"
        try:
            os.link(self._name(digest), link)
        except FileNotFoundError:
            return None
        with link.open("rb") as file:
            if ALGORITHM + hashlib.file_digest(file, "sha256").hexdigest() == digest:
                os.utime(link)  # the time of the last use
                return link
        link.unlink()
        self._name(digest).unlink(missing_ok=True)
        return None

    def _kept(self, copy: Path, digest: str) -> Path:
        link = self._directory / f"use-{os.urandom(8).hex()}.tgz"
        os.link(copy, link)
        copy.replace(self._name(digest))
        kept = [path for path in self._directory.glob("*.tgz") if not path.name.startswith("use-")]
        for path in sorted(kept, key=lambda one: one.stat().st_mtime)[:-KEPT]:
            path.unlink(missing_ok=True)
        return link

    def _remove_leftovers(self) -> None:
        """Remove the leftovers of killed operators. Kept packages stay: their content is compared at each use."""
        for pattern in ("pull-*", "use-*"):
            for path in self._directory.glob(pattern):
                if time.time() - path.stat().st_ctime > LEFT_BEHIND:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _copied(chart: ChartRef, place: Path, copy: Path) -> str:
    """Copy the package and return the digest of the copy, so that a concurrent change of the source has no effect. Raises
    StepError (ChartTooLarge, ChartNotFound)."""
    digest, size = hashlib.sha256(), 0
    source = Path(chart.reference) if chart.is_archive else next(place.glob("*.tgz"))
    try:
        reading = source.open("rb")
    except OSError as error:
        raise StepError(
            Reason.CHART_NOT_FOUND,
            f"{chart.field}: the package of {chart.name} {chart.version} cannot be read: {type(error).__name__}",
            "Put it into the operator's chart directory with read permission for the operator.",
            retry_in=60,
        ) from None
    with reading, copy.open("xb") as writing:
        while block := reading.read(1 << 20):
            size += len(block)
            if size > LARGEST:
                raise _too_large(chart)
            digest.update(block)
            writing.write(block)
    return ALGORITHM + digest.hexdigest()


def _too_large(chart: ChartRef) -> StepError:
    return StepError(
        Reason.CHART_TOO_LARGE,
        f"{chart.field}: the package of {chart.name} {chart.version}, or its repository's index, is larger than the operator accepts "
        f"({LARGEST >> 20} MiB for a package)",
        f"Set {chart.field}.version or {chart.field}.repository to a smaller package.",
    )
