"""How a sandbox is started, and the files in its directory: what the command shares with the supervisor.

It imports little: a start of the command would otherwise take more than a second of processor time for the clients of the supervisor.
"""

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.kubernetes.binaries import cache_root


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a sandbox is started. `state` is a directory of its own for each sandbox."""

    state: Path
    speed: float = 20.0
    catalog: str = "today"
    charts: Path | None = None
    operator: bool = False
    """Run the operator too, with the rights of deploy/kustomize, for platforms in any namespace that it may reconcile."""


def default_state() -> Path:
    """Default directory of a sandbox's state."""
    return cache_root() / "sandbox"


def write_atomically(path: Path, text: str) -> None:
    """Readers see all of it or nothing; only the owner can read it."""
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.rename(path)


def exports(variables: dict[str, str]) -> str:
    """`export` lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def arguments(options: Options) -> list[str]:
    """The command line of a supervisor with these options."""
    given = {key: value for key, value in asdict(options).items() if value is not None and value is not False}
    return [word for key, value in given.items() for word in ([f"--{key}"] if value is True else [f"--{key}", str(value)])]
