"""`notebook-platform support-bundle`: write what a maintainer needs to find a problem into one archive, without secrets."""

import argparse
import asyncio
import io
import json
import os
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notebook_platform.bounded.writer import write_yaml
from notebook_platform.cli.bundle_parts import Bundle, Collector
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import UsageError, connected, context_namespace
from notebook_platform.cli.operator_place import operator_namespace
from notebook_platform.cli.output import show
from notebook_platform.cli.running import run_command
from notebook_platform.cli.watch_stream import Place

README = """Support bundle of the NotebookPlatform {place}, collected {time}.

platform.yaml   the resource; values of free parts (chart values, patches, environment variables, annotations) are hidden
secrets.yaml    the Secrets that it names or owns: names and keys, no values
events.yaml     its Events
journal.jsonl   the operator's log lines about it, one JSON object a line; correlation_id groups those of one reconcile
releases.yaml   its Helm releases: chart, version, revision, state
versions.yaml   versions of the operator, the command, helm, the CustomResourceDefinition and Kubernetes

Values of the platform's Secrets and of its free parts are replaced by *** in all texts. Read the files before you send them: names of
resources, hosts and users remain.
"""


def support_bundle(options: argparse.Namespace) -> int:
    """Write the bundle; return the exit code."""
    return run_command("support-bundle", _run(options))


async def _run(options: argparse.Namespace) -> int:
    configure("text", "ERROR")
    helm, now = os.environ.get("NOTEBOOK_PLATFORM_HELM", "helm"), datetime.now(UTC)
    place = Place(options.namespace or context_namespace(), options.name)
    async with connected() as api:
        operator = await operator_namespace(api, options.operator_namespace, place.namespace)
        bundle = await Collector(api, place, operator, helm).collect()
    root = f"support-{place.namespace}-{place.name}-{now:%Y%m%dT%H%M%SZ}"
    path = options.filename or Path(f"{root}.tar.gz")
    await asyncio.to_thread(create, path, archive(bundle, place, root, now))
    for line in bundle.missing:
        show(line)
    show(f"{path} is written. Read it before you send it: it still contains names of resources, hosts and users.")
    return 0


def archive(bundle: Bundle, place: Place, root: str, now: datetime) -> bytes:
    """Return the tar.gz of a bundle, its files below the directory `root`. Pure."""
    readme = README.format(place=place, time=f"{now:%Y-%m-%dT%H:%M:%SZ}")
    if bundle.missing:
        readme += "\n" + "\n".join(["Missing:", *bundle.missing]) + "\n"
    files: Mapping[str, str] = {"README.txt": readme, **{name: _text(name, part) for name, part in bundle.parts.items()}}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{root}/{name}")
            content = text.encode()
            entry.size, entry.mtime, entry.mode = len(content), int(now.timestamp()), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _text(name: str, part: Any) -> str:
    if name.endswith(".jsonl"):
        return "".join(f"{json.dumps(line)}\n" for line in part)
    return write_yaml(part)


def create(path: Path, content: bytes) -> None:
    """Create the file, readable by its owner only. Raises UsageError when it exists or cannot be written."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
