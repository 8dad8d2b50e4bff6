"""How Resource Manager refuses."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any


class ArmError(Exception):
    """An error answer. `details` stand in it only if given; `flat`: AKS's form without the outer `error`; `empty`: no body at all."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Mapping[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        flat: bool = False,
        empty: bool = False,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.target, self.details, self.flat, self.empty = target, details, flat, empty
        self.headers = dict(headers or {})

    def answer(self) -> dict[str, Any] | None:
        """What is sent: nothing, when a gateway answers in Azure's place."""
        return None if self.empty else self.body()

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.flat:
            error |= {"details": None, "subcode": ""}
        if self.target:
            error["target"] = self.target
        if self.details is not None:
            error["details"] = [dict(detail) for detail in self.details]
        return error if self.flat else {"error": error}

    def reason(self) -> dict[str, Any]:
        """What the document of an operation says that fails with this."""
        body = self.body()
        return {key: value for key, value in body.get("error", body).items() if value not in (None, "")}


class NoAnswer(Exception):
    """The request is lost on its way. `how`: reset, silence."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class EntraError(ArmError):
    """An answer of Entra ID's token endpoint, which has a form of its own."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(status, error, text)
        self.number = number

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        trace = str(uuid.uuid4())
        return {
            "error": self.code,
            "error_description": f"AADSTS{self.number}: {self.message} Trace ID: {trace} Correlation ID: {trace}",
            "error_codes": [self.number],
            "trace_id": trace,
        }


def not_found(what: str, group: str | None = None) -> ArmError:
    """404 for a resource."""
    where = f" under resource group '{group}'" if group else ""
    more = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    return ArmError(404, "ResourceNotFound", f"The Resource '{what}'{where} was not found. {more}")
