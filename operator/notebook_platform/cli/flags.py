"""The flags of the commands.

They stand apart from the commands, and import nothing else of the operator but durations: help, usage errors and shell completion then load
no SDK. `run` is not among them; its flags are the settings of `config`.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from notebook_platform.api.durations import parse_duration

DEFAULT_NAMESPACE = "default"
FIRST_NAMESPACE = "platforms"
"""The namespace that the chart lets the operator serve, unless its values name another one."""

OPERATOR_NAMESPACE = "notebook-platform"
CREDENTIALS_SECRET = "azure-credentials"
NAME = "name of a NotebookPlatform in the cluster of KUBECONFIG"
TIMEOUT = "30m"
SHELLS = ("bash", "zsh", "fish")

ANSWERS = {
    "subscription": "id of the subscription",
    "location": "region, such as westeurope",
    "name": "name of the platform, its resource group and its cluster",
    "people": "number of users who work at the same time",
    "sign-in": "entra, github, trial, or the https address of an OpenID Connect issuer",
    "client-id": "client id of the hub at the sign-in provider",
    "administrator": "user name of the hub's administrator",
    "contact": "e-mail address for Let's Encrypt, if the administrator's user name is not one",
}
"""The flags of `init` that answer a question."""


def _namespace(parser: argparse.ArgumentParser, left_out: str = "") -> None:
    """Add the flag -n. `left_out` names what comes before the kubeconfig's namespace as the default."""
    text = f"its namespace (default: {left_out}the namespace of the kubeconfig's context, else {DEFAULT_NAMESPACE})"
    parser.add_argument("-n", "--namespace", default=None, help=text)


def _new_namespace(parser: argparse.ArgumentParser) -> None:
    """Add the flag -n of a command that writes a platform."""
    text = f"namespace of the platform (default: the namespace of the kubeconfig's context, else {FIRST_NAMESPACE})"
    parser.add_argument("-n", "--namespace", default=None, help=text)


def _credentials_secret(parser: argparse.ArgumentParser) -> None:
    """Add the flag of a command that writes a platform. An identity of the operator needs an administrator's consent, a Secret none."""
    text = f"Secret with the platform's credentials for Azure (default {CREDENTIALS_SECRET}; '' for the operator's own identity)"
    parser.add_argument("--credentials-secret", default=CREDENTIALS_SECRET, help=text)


def _operator_namespace(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names where the operator runs."""
    text = f"namespace of the operator's pods (default: the one with its Deployment, else {OPERATOR_NAMESPACE})"
    parser.add_argument("--operator-namespace", default=None, help=text)


def _target(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a platform in the cluster or in a file."""
    parser.add_argument("name", nargs="?", help=NAME)
    parser.add_argument(
        "-f", "--filename", type=Path, help="a file with a NotebookPlatform (and Secrets, if they are not applied)"
    )
    _namespace(parser, left_out="the file's, else ")
    _operator_namespace(parser)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="form of the output")


def _watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=NAME)
    _namespace(parser)
    _operator_namespace(parser)
    parser.add_argument("--until-ready", action="store_true", help="exit when it is Ready, and print the duration of each step")


def _wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=NAME)
    _namespace(parser)
    _operator_namespace(parser)
    for_ = "condition that must be True for the current generation, or delete (default Ready)"
    parser.add_argument("--for", dest="wanted", metavar="CONDITION", type=_wanted, default="Ready", help=for_)
    parser.add_argument(
        "--timeout", type=_duration, default=TIMEOUT, help=f"maximum time, such as 90s, 10m or 1h (default {TIMEOUT})"
    )


def _wanted(text: str) -> str:
    """Return the condition's type from `Ready` or kubectl's form `condition=Ready`."""
    return text.removeprefix("condition=")


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _init(parser: argparse.ArgumentParser) -> None:
    for flag, text in ANSWERS.items():
        parser.add_argument(f"--{flag}", help=text)
    _new_namespace(parser)
    _credentials_secret(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("platform.yaml"), help="file to write (default platform.yaml)")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _support_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=NAME)
    _namespace(parser)
    _operator_namespace(parser)
    parser.add_argument("-f", "--filename", type=Path, help="the archive to create (default support-NAMESPACE-NAME-TIME.tar.gz)")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--subscription", required=True, help="id of the subscription")
    parser.add_argument("--resource-group", required=True, help="group that holds the managed cluster")
    parser.add_argument("--cluster", help="the managed cluster, if the group holds several")
    parser.add_argument("--name", help="name of the NotebookPlatform (default: the cluster's)")
    _new_namespace(parser)
    _credentials_secret(parser)
    parser.add_argument(
        "--secrets-file", type=Path, help="where Secrets with the releases' secret values are written (mode 0600)"
    )


def _crd(parser: argparse.ArgumentParser) -> None:
    schema = (
        "print the JSON schema instead, for editors: `# yaml-language-server: $schema=FILE` in the first line of a platform.yaml"
    )
    parser.add_argument("--schema", action="store_true", help=schema)
    difference = (
        "print instead what applying it would change in the cluster of KUBECONFIG, and what that means for stored objects"
    )
    parser.add_argument("--diff", action="store_true", help=difference)


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script")


@dataclass(frozen=True)
class Flags:
    """What the help of a command says, and the function that adds its flags to a parser."""

    description: str
    epilog: str
    add: Callable[[argparse.ArgumentParser], None]


FLAGS: Mapping[str, Flags] = {
    "plan": Flags(
        "Show the changes that the operator would make. Read-only.", "exit codes: 0 nothing to do, 2 changes, 1 error", _target
    ),
    "watch": Flags(
        "Watch a platform's progress. Ctrl-C ends it.",
        "exit codes: 0 Ready (--until-ready) or deleted; 1 the platform cannot be read, or was deleted before it was Ready",
        _watch,
    ),
    "wait": Flags(
        "Wait until a platform has a condition or is deleted.",
        "exit codes: 0 condition met; 1 timed out, stalled, or the platform cannot be read",
        _wait,
    ),
    "doctor": Flags(
        "Check credentials, permissions, versions, quota and names before anything is created. Read-only.",
        "exit codes: 0 no blocking problems, 1 blocking problems, or a check could not run",
        _target,
    ),
    "init": Flags(
        "Write a first platform.yaml. Asks at most eight questions and reads from Azure what the subscription offers. Changes nothing in Azure.",
        "It signs in as you: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, or az login.",
        _init,
    ),
    "support-bundle": Flags(
        "Write the state of a platform, without secrets, into an archive for a bug report.", "", _support_bundle
    ),
    "import": Flags(
        "Describe existing Azure resources as a NotebookPlatform. Read-only.",
        "It signs in as the operator does: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, or az login.",
        _import,
    ),
    "crd": Flags(
        "Print the CustomResourceDefinition.",
        "exit codes of --diff, as of kubectl diff: 0 no difference; 1 differences; 2 the cluster cannot be read",
        _crd,
    ),
    "completion": Flags(
        "Print the completion script of a shell.",
        "bash: source <(notebook-platform completion bash). zsh: write it as _notebook-platform into a directory of $fpath. "
        "fish: write it to ~/.config/fish/completions/notebook-platform.fish.",
        _completion,
    ),
}
