"""`python leash.py PROGRAM ARGUMENTS`: the program ends with the operator, so that a lock helm leaves behind is known to be nobody's.

Between the operator and this stands the shell of pyhelm3, which outlives an operator that is killed. So both are watched: the shell,
which is ended when a run is no longer wanted, and the operator itself. Runs by itself, with nothing of the operator.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Mapping

OPERATOR = "NOTEBOOK_PLATFORM_OPERATOR"
"""Environment variable: the operator's process id."""

ALLOWED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"}
    | {name for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY") for name in (proxy, proxy.lower())}
)
"""Variables that the program gets. The operator's others hold its credentials (AZURE_*) and settings of its own clients (KUBECONFIG,
HELM_KUBE*, HELM_DRIVER), which would change what helm does."""

PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""

GONE = 137
"""Exit code of what was killed, as a shell tells it."""


def allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the environment that the program gets."""
    return {name: value for name, value in environment.items() if name in ALLOWED}


def end_with(parent: int) -> None:
    """Be killed when the parent ends, or now if it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(GONE)


def watched(command: list[str], operator: int) -> int:
    """Run the command until it or the operator ends. Returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches helm too, which writes down that it was ended
    me, ended = os.getpid(), select.poll()
    ended.register(operator, select.POLLIN)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end_with(me)
        os.execvpe(command[0], command, allowed(os.environ))
    ended.register(os.pidfd_open(child), select.POLLIN)
    if operator in {descriptor for descriptor, _ in ended.poll()}:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else GONE


def main(command: list[str]) -> int:
    """Elsewhere than on Linux, where the operator is only tried out, there is no leash; on a kernel without pidfd only the shell's."""
    if sys.platform != "linux":
        os.execvpe(command[0], command, allowed(os.environ))
    end_with(os.getppid())
    try:
        operator = os.pidfd_open(int(os.environ[OPERATOR]))
    except ProcessLookupError:
        return GONE
    except OSError:
        os.execvpe(command[0], command, allowed(os.environ))
    return watched(command, operator)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
