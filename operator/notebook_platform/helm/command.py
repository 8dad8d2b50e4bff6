"""pyhelm3's Command for the operator's Helm: an upgrade, which installs too, leaves the check of fields to the API server.

Helm 3 reads the OpenAPI documents of all API groups that a release names, and checks nothing by them when the API server takes
`fieldValidation` (https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation), as each one does since Kubernetes 1.25.
To read them takes more than half of Helm's processor time, and part of the API server's.
"""

from pyhelm3 import Command


class HelmCommand(Command):  # type: ignore[misc]  # the library has no types
    """One Helm with its kubeconfig and defaults."""

    async def run(self, command: list[str], input: bytes | None = None) -> bytes:
        """Run Helm with these arguments and `input` on its standard input. Returns its standard output; raises pyhelm3's Error."""
        # pyhelm3 0.5 has a parameter for the option, and splits it into letters
        unread = ["--disable-openapi-validation"] if command[0] == "upgrade" else []
        printed: bytes = await super().run([*command, *unread], input)
        return printed
