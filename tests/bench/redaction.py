"""The cost of redaction with few and with many platforms in the process: adding one platform's Secrets, and redacting one log
line."""

import base64
import gc
import secrets
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from notebook_platform.kube.redaction import RedactorRegistry

FEW, MANY = 10, 10_000
ADDED = 200
"""Platforms that are added and dropped again for each figure."""

ROUNDS = 400
MEASURED_MEMORY = 200
MESSAGE = (
    "platforms/prd-jhub: JupyterHub: spec.jupyterhub: helm: failed post-install: the Job hook-image-awaiter of release jhub in namespace "
    "jhub did not complete: see its pods and events in the cluster prd-aks-jhub, then correct the values"
)


@dataclass(frozen=True)
class Redaction:
    """Microseconds with FEW and with MANY platforms, and kilobytes for each platform. `own`: a message, with one platform's
    secrets; `log`: the same, with the secrets of all platforms."""

    add: tuple[float, float]
    own: tuple[float, float]
    log: tuple[float, float]
    kilobytes: float
    values_of_each: int

    @property
    def ratios(self) -> dict[str, float]:
        """Return the ratio of the cost with MANY to the cost with FEW."""
        return {name: many / few for name, (few, many) in (("add", self.add), ("own", self.own), ("log", self.log))}


def secrets_of_a_platform() -> dict[str, dict[str, str]]:
    """Return what the operator knows of one platform, by Secret: credentials, a hub's secrets, a client secret, access to the
    cluster."""
    key = "\n".join(secrets.token_urlsafe(48) for _ in range(50))
    values = f"hub:\n  db: {{url: 'postgres://hub:{secrets.token_hex(12)}@db/hub'}}\n  token: {secrets.token_hex(16)}\n"
    return {
        "azure-credentials": {"tenantId": "t", "clientId": "c", "clientSecret": secrets.token_urlsafe(30)},
        "hub": {name: secrets.token_hex(32) for name in ("proxyToken", "cookieSecret", "cryptKey", "password", "tokenKey")},
        "oidc": {"clientSecret": secrets.token_urlsafe(24)},
        "values": {"values.yaml": values},
        "access": {"key": base64.b64encode(key.encode()).decode(), "token": secrets.token_hex(64)},
    }


def measure() -> Redaction:
    """Fill a registry and measure it at both sizes."""
    registry = RedactorRegistry()
    _fill(registry, 0, FEW)
    few = _figures(registry)
    _fill(registry, FEW, MANY)
    many = _figures(registry)
    values = sum(map(len, secrets_of_a_platform().values())) - 2
    add, own, log = zip(few, many, strict=True)
    return Redaction(add=add, own=own, log=log, kilobytes=_memory(), values_of_each=values)


def _fill(registry: RedactorRegistry, start: int, end: int) -> None:
    for number in range(start, end):
        _add(registry, str(number), secrets_of_a_platform())


def _add(registry: RedactorRegistry, uid: str, data: dict[str, dict[str, str]]) -> None:
    redactor = registry.of(uid)
    for name, values in data.items():
        redactor.add(values, source=name)


def _figures(registry: RedactorRegistry) -> tuple[float, float, float]:
    """Return (add, own, log) in microseconds of this thread's CPU time, as medians."""
    data = [secrets_of_a_platform() for _ in range(ADDED)]
    add = _median(lambda n: _add(registry, f"more-{n}", data[n]), ADDED)
    for number in range(ADDED):
        registry.drop(f"more-{number}")
    own = registry.of("0")
    return add, _median(lambda _: own.redact(MESSAGE), ROUNDS), _median(lambda _: registry.redact(MESSAGE), ROUNDS)


def _median(work: Callable[[int], object], rounds: int) -> float:
    times = []
    gc.disable()
    for number in range(rounds):
        began = time.thread_time()
        work(number)
        times.append(time.thread_time() - began)
    gc.enable()
    return 1e6 * median(times)


def _memory() -> float:
    data = [secrets_of_a_platform() for _ in range(MEASURED_MEMORY)]
    registry = RedactorRegistry()
    tracemalloc.start()
    for number, one in enumerate(data):
        _add(registry, str(number), one)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / MEASURED_MEMORY / 1024
