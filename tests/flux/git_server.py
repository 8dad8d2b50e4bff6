"""Git repositories over HTTP on loopback, by git's own CGI program: source-controller reads no file: URLs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

VARIABLES = {"Content-Type": "CONTENT_TYPE", "Content-Encoding": "HTTP_CONTENT_ENCODING", "Git-Protocol": "GIT_PROTOCOL"}
"""What git-http-backend reads of a request's headers (https://git-scm.com/docs/git-http-backend)."""


@contextmanager
def git_server(directory: Path) -> Iterator[str]:
    """Serve the bare repositories of a directory until the block ends; yields the address before their names."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body))}
            headers = {variable: value for name, variable in VARIABLES.items() if (value := self.headers.get(name))}
            environment = {**os.environ, "GIT_PROJECT_ROOT": str(directory), "GIT_HTTP_EXPORT_ALL": "1", **request, **headers}
            output = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True).stdout
            head, _, answer = output.partition(b"\r\n\r\n")
            found = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(found.pop("Status", "200").split()[0]))
            for name, value in {**found, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
