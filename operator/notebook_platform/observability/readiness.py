"""Readiness: whether this replica does its part, as the checks of /readyz.

Each check is a name and a function that returns why it fails; None: it passes. The kubelet keeps a pod that is not ready, and a
rollout waits for it. A replica whose API server does not answer becomes not ready but stays alive: a restart would end its helm
processes and not bring the API server back (docs/decisions/0019-probes.md).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

STANDSTILL = 30.0
"""Seconds without a beat of the event loop after which the process counts as broken, so that the kubelet restarts it."""

CONTACT = 60.0
"""Seconds without an answer of the management cluster's API server after which the replica is not ready."""


@dataclass(frozen=True)
class Check:
    """One check: `failing` returns why it fails, as a clause; None: it passes."""

    name: str
    failing: Callable[[], str | None]


@dataclass
class Contact:
    """What the process knows of the management cluster's API server. `clock` returns seconds."""

    clock: Callable[[], float] = time.monotonic
    served: bool = False
    _answered: float | None = field(default=None)

    def answered(self) -> None:
        """Record an answer."""
        self._answered = self.clock()

    def crd(self) -> str | None:
        """Return why the CustomResourceDefinition cannot be used; None: the API server serves it."""
        return None if self.served else "the API server has not served notebookplatforms.notebookplatform.io yet"

    def api_server(self) -> str | None:
        """Return how long the API server has not answered, if that is too long."""
        if self._answered is None:
            return "the API server has not answered yet"
        silent = self.clock() - self._answered
        return f"the API server has not answered for {silent:.0f} s" if silent > CONTACT else None


def verdict(checks: Iterable[Check]) -> tuple[int, str]:
    """Return the HTTP status and the text of a probe's response: `ok`, or a line for each check that fails.

    The form is that of Kubernetes' own endpoints (https://kubernetes.io/docs/reference/using-api/health-checks).
    """
    failed = [f"[-]{check.name}: {why}\n" for check in checks if (why := check.failing()) is not None]
    return (503, "".join(failed)) if failed else (200, "ok\n")
