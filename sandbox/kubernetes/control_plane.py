"""A real control plane on loopback: etcd, kube-apiserver, and as wanted controller-manager, scheduler and kwok."""

import asyncio
import base64
import json
import secrets
import shutil
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.kubernetes.binaries import Binaries
from sandbox.kubernetes.processes import Process, free_ports

START_SECONDS = 60
API_SERVER = "kube-apiserver"
GARBAGE_PERCENT = "400"
"""How far a heap grows before Go collects: a fifth less processor time for a control plane, for 70 MB more memory."""
ONE_THREAD = {"GOMAXPROCS": "1"}
"""For all but the API server, which alone has work for more: a sixth less processor time for each."""
MANAGEMENT_CONTROLLERS = (
    "namespace-controller,garbage-collector-controller,serviceaccount-controller,serviceaccount-token-controller"
)


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Whose tokens the API server takes besides its own: Entra ID's, for AKS's application."""

    url: str
    ca_file: Path
    audience: str = "6dae42f8-4368-4678-94ff-3960e28e3630"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a control plane is started. `nodes`: scheduler, all controllers and kwok, so that pods run."""

    name: str
    nodes: bool
    service_range: str = "10.0.0.0/16"
    emulated_version: str | None = None
    issuer: Issuer | None = None
    feature_gates: tuple[str, ...] = ()
    """Gates of the API server to turn on."""


@dataclass
class ControlPlane:
    """One cluster. Data lie in `directory` and survive `stop`."""

    directory: Path
    binaries: Binaries
    wanted: Wanted
    processes: list[Process] = field(default_factory=list)
    url: str = ""

    @property
    def kubeconfig_path(self) -> Path:
        """Kubeconfig of a cluster administrator."""
        return self.directory / "kubeconfig"

    async def start(self) -> None:
        """The API answers when this returns. Raises RuntimeError with the last words of what did not come up."""
        self.directory.mkdir(parents=True, exist_ok=True)
        fresh = not (self.directory / "sa.key").exists()
        if fresh:
            self._make_credentials()
        etcd_client, etcd_peer, secure = self._ports(fresh)
        self.url = f"https://127.0.0.1:{secure}"
        await self._start_etcd(etcd_client, etcd_peer)
        await self._start_api_server(etcd_client, secure)
        self.write_kubeconfig(self.kubeconfig_path, self._token)
        await self._wait_ready()
        await self._start_controllers()

    def _ports(self, fresh: bool) -> tuple[int, int, int]:
        """The same ports after a stop, so that kubeconfigs stay good."""
        path = self.directory / "ports.json"
        if fresh or not path.exists():
            path.write_text(json.dumps(free_ports(3)))
        first, second, third = json.loads(path.read_text())
        return first, second, third

    def _make_credentials(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (self.directory / "sa.key").write_bytes(pem)
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc")
        authority.cert_pem.write_to_path(str(self.directory / "ca.pem"))
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self.directory / "server.pem"))
        token = secrets.token_hex(16)
        (self.directory / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
        for path in self.directory.iterdir():
            path.chmod(0o600)

    @property
    def _token(self) -> str:
        return (self.directory / "tokens.csv").read_text().split(",", 1)[0]

    def write_kubeconfig(self, path: Path, token: str, user: str = "admin") -> None:
        """A kubeconfig for the bearer of a token; readable by its owner alone."""
        path.touch(mode=0o600)
        path.write_text(self.kubeconfig(token, user))

    def kubeconfig(self, token: str | None = None, user: str = "admin") -> str:
        """A kubeconfig as YAML; the administrator's without a token."""
        authority = base64.b64encode((self.directory / "ca.pem").read_bytes()).decode()
        document: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.wanted.name, "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": user, "user": {"token": token or self._token}}],
            "contexts": [{"name": self.wanted.name, "context": {"cluster": self.wanted.name, "user": user}}],
            "current-context": self.wanted.name,
        }
        return str(yaml.safe_dump(document))

    async def _run(self, name: str, *arguments: str) -> Process:
        command = [str(self.binaries.path(name)), *arguments]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.directory), "GOGC": GARBAGE_PERCENT}
        if name != API_SERVER:
            environment |= ONE_THREAD
        process = await Process.start(name, command, self.directory / f"{name}.log", environment)
        self.processes.append(process)
        return process

    async def _start_etcd(self, client: int, peer: int) -> None:
        await self._run(
            "etcd",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    async def _start_api_server(self, etcd: int, port: int) -> None:
        directory = self.directory
        await self._run(
            API_SERVER,
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={directory / 'server.pem'}",
            f"--tls-private-key-file={directory / 'server.pem'}",
            f"--token-auth-file={directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={directory / 'sa.key'}",
            f"--service-account-signing-key-file={directory / 'sa.key'}",
            f"--service-cluster-ip-range={self.wanted.service_range}",
            "--endpoint-reconciler-type=none",
            "--allow-privileged=true",
            "--profiling=false",
            "--enable-priority-and-fairness=false",
            *(f"--feature-gates={gate}=true" for gate in self.wanted.feature_gates),
            *self._emulation,
            *self._sign_in,
        )

    @property
    def _sign_in(self) -> list[str]:
        issuer = self.wanted.issuer
        if issuer is None:
            return []
        return [
            f"--oidc-issuer-url={issuer.url}",
            f"--oidc-ca-file={issuer.ca_file}",
            f"--oidc-client-id={issuer.audience}",
            "--oidc-username-claim=oid",
            "--oidc-username-prefix=-",
            "--oidc-groups-claim=groups",
        ]

    @property
    def _emulation(self) -> list[str]:
        """All parts of a control plane speak the same older minor."""
        return [f"--emulated-version={self.wanted.emulated_version}"] if self.wanted.emulated_version else []

    async def _start_controllers(self) -> None:
        kubeconfig = f"--kubeconfig={self.kubeconfig_path}"
        controllers = "*" if self.wanted.nodes else MANAGEMENT_CONTROLLERS
        await self._run(
            "kube-controller-manager",
            kubeconfig,
            f"--controllers={controllers}",
            f"--service-account-private-key-file={self.directory / 'sa.key'}",
            "--use-service-account-credentials=false",
            "--leader-elect=false",
            "--secure-port=0",
            "--node-monitor-grace-period=120s",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            *self._emulation,
        )
        if not self.wanted.nodes:
            return
        await self._run("kube-scheduler", kubeconfig, "--leader-elect=false", "--secure-port=0", *self._emulation)
        await self._run(
            "kwok",
            kubeconfig,
            f"--config={self.binaries.stages}",
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            "--node-lease-duration-seconds=40",
            "--cidr=10.244.0.0/16",
            "--node-ip=10.240.0.4",
        )

    async def _wait_ready(self) -> None:
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        headers = {"Authorization": f"Bearer {self._token}"}
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), headers=headers) as http:
            while asyncio.get_running_loop().time() < deadline:
                for process in self.processes:
                    if process.ended is not None:
                        raise RuntimeError(f"{process.name} of {self.wanted.name} ended:\n{process.last_words()}")
                try:
                    async with http.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        raise RuntimeError(f"the API server of {self.wanted.name} did not become ready:\n{self.processes[-1].last_words()}")

    async def stop(self) -> None:
        """End the processes, last started first; the data stay."""
        for process in reversed(self.processes):
            await process.stop()
        self.processes.clear()

    async def crash(self, away: float) -> None:
        """Kill all processes at once, and start them again with their data after so many seconds."""
        await self._kill()
        await asyncio.sleep(away)
        await self.start()

    async def _kill(self) -> None:
        await asyncio.gather(*(process.kill() for process in self.processes))
        self.processes.clear()

    async def delete(self) -> None:
        """End it and remove its data. An API server that may finish waits a second, and five with a client that watches."""
        await self._kill()
        await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)
