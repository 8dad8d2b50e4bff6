"""Faults on demand: the next requests that match are refused, delayed, lost on the way, or accepted and fail later."""

import asyncio
import re
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, Field

from sandbox.azure.core.errors import ArmError, EntraError, NoAnswer
from sandbox.azure.core.odd_answers import Odd
from sandbox.azure.core.routing import Call


class Fault(BaseModel):
    """`method` and `path` are regular expressions; `count` how often (None: always), after `after` matches that go through."""

    method: str = ".*"
    path: str
    count: int | None = 1
    after: int = 0
    status: int | None = None
    code: str = "InternalServerError"
    message: str = "A fault on demand."
    headers: dict[str, str] = Field(default_factory=dict)
    details: list[dict[str, Any]] | None = None
    flat: bool = False
    empty: bool = Field(False, description="The answer has no body, as a gateway's.")
    delay: float = Field(0, description="Real seconds before it goes on.")
    aadsts: int | None = Field(None, description="The number of a refusal of Entra ID; `code` is its OAuth error.")
    relative: bool = Field(False, description="The addresses of the operation are paths alone.")
    operation_error: dict[str, Any] | None = Field(None, description="The operation is accepted and fails with this.")
    progress: bool = Field(False, description="The operation tells percentComplete and Retry-After, as those of some services.")
    lost: Literal["reset", "silence", "half"] | None = Field(
        None, description="The connection is reset, no answer ever comes, or half of its body does."
    )
    executed: bool = Field(False, description="With `lost`: the request takes effect all the same. Always so with `half`.")
    stale: bool = Field(
        False, description="The answer is the one before the last change. A read that saw no change does not count."
    )
    endless: bool = Field(False, description="The operation is accepted and runs until the faults are cleared.")
    expired: bool = Field(False, description="All tokens issued so far have expired.")
    odd: Odd | None = Field(None, description="The request takes effect; its answer is odd.")


class Faults:
    """Those in force, in order; the first that matches acts."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self._cleared = asyncio.Event()

    def clear(self) -> None:
        """End all of them; operations that stood still go on."""
        self.rules.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    @property
    def keep_answers(self) -> bool:
        """Whether answers are kept for later stale reads."""
        return any(rule.stale for rule in self.rules)

    def _use(self, rule: Fault) -> None:
        """Count one call that the rule acted on."""
        if rule.count is not None:
            rule.count -= 1
            if rule.count <= 0 and rule in self.rules:
                self.rules.remove(rule)

    async def meet(self, call: Call) -> None:
        """Act on a call. Raises ArmError for a refusal, NoAnswer for a request that does not arrive."""
        for rule in self.rules:
            if not (re.fullmatch(rule.method, call.method) and re.search(rule.path, call.path, re.IGNORECASE)):
                continue
            if rule.after > 0:
                rule.after -= 1
                continue
            if rule.stale:
                call.stale = partial(self._use, rule)
                return
            self._use(rule)
            if rule.delay:
                await asyncio.sleep(rule.delay)
            if rule.operation_error:
                call.fails_with = rule.operation_error
            call.progress, call.relative = call.progress or rule.progress, call.relative or rule.relative
            call.held = self._cleared if rule.endless else None
            call.expired = rule.expired
            if rule.lost and not rule.executed and rule.lost != "half":
                raise NoAnswer(rule.lost)
            call.lost, call.odd = rule.lost or "", rule.odd
            if rule.aadsts:
                raise EntraError(rule.status or 401, rule.code, rule.aadsts, rule.message)
            if rule.status:
                form = {"details": rule.details, "headers": rule.headers, "flat": rule.flat, "empty": rule.empty}
                raise ArmError(rule.status, rule.code, rule.message, **form)  # type: ignore[arg-type]
            return
