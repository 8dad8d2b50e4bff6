"""`python process_guard.py PROGRAM ARGUMENTS`: the program ends with the operator, so that a lock that Helm leaves behind is
known to be stale.

The parent of this process is the shell of pyhelm3, which outlives an operator that is killed. So the guard watches both: the shell,
which the operator ends when a run is no longer wanted, and the operator. This module imports nothing of the operator.

Helm reads charts, repositories and cluster objects whole, and their content is not trusted. So the guard limits the program's memory,
processor time, file sizes and output, which the operator keeps in memory.
"""

import ctypes
import os
import resource
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
"""Variables that the program gets. The operator's remaining ones hold its credentials (AZURE_*) and settings of its own clients (KUBECONFIG,
HELM_KUBE*, HELM_DRIVER), which would change what helm does."""

PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""

GONE = 137
"""Exit code of a killed process, as a shell reports it."""

MOST_OUTPUT = 16 << 20
"""Bytes on standard output, and as many on standard error."""

TOO_MUCH = f"Error: helm wrote more than {MOST_OUTPUT} bytes\n"

LIMITS = {
    resource.RLIMIT_DATA: 2 << 30,
    resource.RLIMIT_CPU: 900,
    resource.RLIMIT_FSIZE: 512 << 20,
    resource.RLIMIT_CORE: 0,
}
"""Bytes and seconds. RLIMIT_DATA counts what is written to, not the address space that Go reserves
(https://man7.org/linux/man-pages/man2/getrlimit.2.html). Rendering the largest public charts takes a tenth of it."""


def allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the environment that the program gets."""
    return {name: value for name, value in environment.items() if name in ALLOWED}


def end_with(parent: int) -> None:
    """Have the kernel kill this process when the parent ends, or end now if it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(GONE)


def watch_command(command: list[str], operator: int) -> int:
    """Run the command until it or the operator ends. Returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches helm too, which records its interruption in the release
    me, pipes = os.getpid(), {1: os.pipe(), 2: os.pipe()}
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end_with(me)
        for standard, (_, writes) in pipes.items():
            os.dup2(writes, standard)
        for kind, most in LIMITS.items():
            lower = most if (hard := resource.getrlimit(kind)[1]) == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (lower, lower))  # a limit that was lowered before cannot be raised
        os.execvpe(command[0], command, allowed(os.environ))
    for _, writes in pipes.values():
        os.close(writes)
    if not copy_output({reads: standard for standard, (reads, _) in pipes.items()}, operator):
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else GONE


def copy_output(pipes: dict[int, int], operator: int) -> bool:
    """Copy what the program writes to our own output until it closes it. Returns False when the program has to be ended: the
    operator has ended, or the program wrote too much."""
    events, left = select.poll(), dict.fromkeys(pipes, MOST_OUTPUT)
    for descriptor in (operator, *pipes):
        events.register(descriptor, select.POLLIN)
    while left:
        for descriptor, _ in events.poll():
            if descriptor == operator:
                return False
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                events.unregister(descriptor)
                del left[descriptor]
                continue
            left[descriptor] -= len(piece)
            if left[descriptor] < 0:
                os.write(2, TOO_MUCH.encode())
                return False
            while piece:
                piece = piece[os.write(pipes[descriptor], piece) :]
    return True


def main(command: list[str]) -> int:
    """Run the program. Outside Linux, which is for trials only, the program runs unguarded; on a kernel without pidfd only
    the shell's limits do."""
    if sys.platform != "linux":
        os.execvpe(command[0], command, allowed(os.environ))
    end_with(os.getppid())
    try:
        operator = os.pidfd_open(int(os.environ[OPERATOR]))
    except ProcessLookupError:
        return GONE
    except OSError:
        os.execvpe(command[0], command, allowed(os.environ))
    return watch_command(command, operator)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
