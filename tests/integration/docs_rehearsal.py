"""kubectl's commands of pages that describe an installation: they run on the sandbox's API server, what changes something as a dry run."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from docs.generator.sources import LEFT_OUT
from tests.local.document_commands import ROOT, Command, document_commands

REHEARSED = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("install", "gitops", "api-versions", "monitoring", "troubleshooting")),
]

CHANGES = frozenset({"apply", "create", "patch", "annotate", "delete", "replace"})

ELSEWHERE: Mapping[str, str] = {
    "kubectl krew ": "`make krew` installs the plugin with krew",
    "kubectl notebook-platform": "tests/local/cli_watch/test_called.py runs the plugin",
    "kubectl -n notebook-platform rollout status": "the sandbox's operator is a process, not a Deployment",
    "kubectl logs -n notebook-platform deployment/": "the sandbox's operator is a process, not a Deployment",
    "kubectl delete nbp": "docs/tutorial/change-and-delete.md deletes one, and a policy denies a dry run before that",
    "kubectl delete -k": "tests/security/test_d_2_uninstall.py deletes the operator, and a policy denies a dry run before that",
    "kubectl apply -f deploy/gitops/": "needs the CRDs of Argo CD and Flux; tests/local/deploy/test_gitops.py checks the files",
    "kubectl --kubeconfig workload.kubeconfig": "asks the workload cluster about one fault; docs/how-to has such commands that run",
    "kubectl get nodes -l karpenter": "asks the workload cluster; tests/azure/test_node_provisioning.py has such nodes",
}
"""Beginnings of commands that do not run here, with the reason."""


def complete(command: Command) -> bool:
    """Return whether a command has all that it needs; a text may name its beginning alone, or what reads a pipe."""
    rest = [word for word in command.words[1:] if not word.startswith("-")]
    return bool(rest) and "-" not in command.words and rest != ["secret"]


def rehearsed(command: Command, platform: Path) -> list[str]:
    """Return the command about the platform `hub`, whose file is `platform`, as a dry run if it changes anything."""
    names = {
        "NAME": "hub",
        "prd-jhub": "hub",
        "platform.yaml": str(platform),
        "team-b": "platforms",
        "waves": "deploy/gitops/waves",
        "NAMESPACE": "platforms",
        "NAME-kubeconfig": "hub-kubeconfig",
        LEFT_OUT: "platforms",
    }
    given = command.words[:-1] if command.words[-1] == LEFT_OUT else command.words  # more of the same, which need not be there
    words = [names.get(word, word) for word in given]
    if "nbp" in words and not {"-n", "-A"} & set(words):
        words += ["-n", "platforms"]
    return ["kubectl", *words, *(["--dry-run=server"] if words[0] in CHANGES else [])]


def rehearsals(page: Path) -> Iterator[Command]:
    """Yield the commands of a page that run here."""
    for command in dict.fromkeys(document_commands(page, frozenset({"kubectl"}))):
        if complete(command) and not str(command).startswith(tuple(ELSEWHERE)):
            yield command


def rehearse(page: Path, platform: Path, environment: Mapping[str, str]) -> list[str]:
    """Run the commands of a page. Returns those that failed. An object that exists already is no failure: the page creates it once."""
    failures = []
    for command in rehearsals(page):
        words = rehearsed(command, platform)
        done = subprocess.run(words, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=60, check=False)
        if done.returncode and "already exists" not in done.stderr:
            failures.append(f"{command}\n{done.stderr}")
    return failures
