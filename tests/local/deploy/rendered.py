"""What the directories of deploy/kustomize and deploy/gitops render, once for all tests, which read it and do not change it."""

from functools import cache
from typing import Any

from lupa.lua51 import LuaRuntime

from sandbox import operator_process

KEY = "resource.customizations.health.notebookplatform.io_NotebookPlatform"

kustomized = cache(operator_process.kustomized)


def health_of(platform: dict[str, Any]) -> tuple[str, str]:
    """Return the status and message that Argo CD computes for an object."""
    (config,) = kustomized("../gitops/argocd")
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = lua.table_from(platform, recursive=True)
    found = lua.execute(config["data"][KEY])
    return str(found["status"]), str(found["message"])
