"""Build TLS contexts from PEM text.

Python loads a client certificate from files only, so the text is written to an unnamed file that leaves no trace.
"""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from notebook_platform.workload.kubeconfig import ClusterAccess


def tls_context(access: ClusterAccess) -> ssl.SSLContext:
    """Build the context that verifies the API server with its CA (the system's if there is none) and presents the client
    certificate.

    Blocks for some milliseconds: call it in a thread. Raises ssl.SSLError or ValueError for PEM text without a usable
    certificate or key.
    """
    context = ssl.create_default_context(cadata=access.ca_data or None)
    if access.client_key:
        with _unnamed_file(f"{access.client_certificate}\n{access.client_key}") as path:
            # A password is given so that an encrypted key fails instead of prompting on the terminal.
            context.load_cert_chain(path, password="")
    return context


@contextmanager
def _unnamed_file(text: str) -> Iterator[str]:
    """Yield a path that reads as the text: memory on Linux, elsewhere a file of mode 0600 that is then removed."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        yield file.name
