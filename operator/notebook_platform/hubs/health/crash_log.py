"""Causes of a hub's crash that only its log shows: a table of log patterns and their meaning.

The words themselves are not shown: a log may hold anything.
"""

import asyncio
import re
from dataclasses import dataclass

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.helm.health.issues import HealthIssue

LINES, TIMEOUT = 60, 5
CAUSE = -1
"""Weight: what makes a hub crash comes before the crash."""


@dataclass(frozen=True)
class CrashPattern:
    """A log pattern (a regular expression), the reason and the sentence that it means."""

    words: str
    reason: AnyReason
    sentence: str


CRASH_PATTERNS = (
    CrashPattern(
        r"Can't locate revision identified by",
        Reason.ROLLBACK_IMPOSSIBLE,
        "its database was upgraded by a newer hub, which this one cannot read: return to that chart version, or restore the database from "
        "its backup",
    ),
    CrashPattern(
        r"Found database schema version \S+ != ",
        Reason.DATABASE_UPGRADE_REQUIRED,
        "its database has the schema of another JupyterHub version: back it up, then set hub.db.upgrade to true for one upgrade",
    ),
    CrashPattern(
        r"api_request to the proxy failed|Failed to connect to proxy|Cannot connect to proxy",
        Reason.PROXY_UNREACHABLE,
        "it does not reach its proxy: check Deployment proxy, and network policies between the two",
    ),
    CrashPattern(
        r"database is locked|unable to open database file|database disk image is malformed|sqlite3\.\w+Error.*(disk I/O|readonly)",
        Reason.DATABASE_VOLUME_UNSUITABLE,
        "its SQLite file cannot be locked, opened or written: shares of Azure Files and blob containers cannot hold it; use a disk (the "
        "StorageClass in hub.db.pvc.storageClassName), or a database server (hub.db.url), and check that the volume is not full",
    ),
    CrashPattern(
        r"OperationalError|could not connect to server|password authentication failed",
        Reason.DATABASE_UNREACHABLE,
        "it does not reach its database: check hub.db.url, its password, and network policies",
    ),
    CrashPattern(
        r"KeyError: 'hub\.|Invalid cookie_secret|Invalid AES|must be 32 bytes",
        Reason.SECRETS_REFUSED,
        "it does not accept its secrets: check the Secret of the hub",
    ),
    CrashPattern(
        r"jupyterhub_config\.py.*line \d+|Exception while loading config|Failed to load config",
        Reason.CONFIG_REFUSED,
        "its configuration fails: check hub.config and hub.extraConfig",
    ),
)


def read(log: str) -> HealthIssue | None:
    """Return the first sign in a log."""
    for sign in CRASH_PATTERNS:
        if re.search(sign.words, log):
            return HealthIssue(CAUSE, sign.reason, f"Deployment hub: {sign.sentence}")
    return None


async def crash_cause(api: client.ApiClient, namespace: str) -> HealthIssue | None:
    """Return the cause of the hub's last crash; None when its log cannot be read or matches no pattern."""
    core = client.CoreV1Api(api)
    try:
        async with asyncio.timeout(TIMEOUT):
            pods = (await core.list_namespaced_pod(namespace, label_selector="component=hub")).items
            for pod in pods:
                log = await core.read_namespaced_pod_log(
                    pod.metadata.name, namespace, container="hub", previous=True, tail_lines=LINES
                )
                if found := read(log):
                    return found
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError):
        return None
    return None
