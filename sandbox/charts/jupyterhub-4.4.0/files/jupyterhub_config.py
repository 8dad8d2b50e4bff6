"""Configuration of the hub, from the values of the release (mounted as a Secret)."""

import os
from pathlib import Path

import yaml

HERE = Path(os.environ.get("HUB_CONFIG_DIR", "/usr/local/etc/jupyterhub/secret"))
values = yaml.safe_load((HERE / "values.yaml").read_text())


def kept(name):
    path = HERE / name
    return path.read_text() if path.exists() else None


hub, server = values["hub"], values["singleuser"]
base_url = hub["baseUrl"].rstrip("/") + "/"

c.JupyterHub.base_url = base_url  # noqa: F821 - `c` is given by traitlets
c.JupyterHub.bind_url = f"http://:8000{base_url}"  # noqa: F821
c.JupyterHub.hub_bind_url = "http://:8081"  # noqa: F821
c.JupyterHub.hub_connect_url = "http://hub:8081"  # noqa: F821
c.JupyterHub.cleanup_servers = False  # noqa: F821
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"  # noqa: F821
c.JupyterHub.last_activity_interval = 60  # noqa: F821
c.ConfigurableHTTPProxy.should_start = False  # noqa: F821
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"  # noqa: F821
c.ConfigurableHTTPProxy.auth_token = kept("hub.config.ConfigurableHTTPProxy.auth_token")  # noqa: F821
c.JupyterHub.cookie_secret = bytes.fromhex(kept("hub.config.JupyterHub.cookie_secret"))  # noqa: F821
c.CryptKeeper.keys = kept("hub.config.CryptKeeper.keys").split(";")  # noqa: F821
c.JupyterHub.db_url = {  # noqa: F821
    "sqlite-pvc": "sqlite:///jupyterhub.sqlite",
    "sqlite-memory": "sqlite://",
}.get(hub["db"]["type"], hub["db"]["url"])
if hub["db"]["upgrade"]:
    c.JupyterHub.upgrade_db = True  # noqa: F821

for name in (
    "allowNamedServers",
    "namedServerLimitPerUser",
    "concurrentSpawnLimit",
    "activeServerLimit",
    "consecutiveFailureLimit",
    "authenticatePrometheus",
):
    if hub.get(name) is not None:
        trait = "".join(f"_{ch.lower()}" if ch.isupper() else ch for ch in name)
        section = c.Spawner if name == "consecutiveFailureLimit" else c.JupyterHub  # noqa: F821
        setattr(section, trait, hub[name])

c.KubeSpawner.namespace = os.environ.get("POD_NAMESPACE", "default")  # noqa: F821
c.KubeSpawner.image = f"{server['image']['name']}:{server['image']['tag']}"  # noqa: F821
c.KubeSpawner.start_timeout = server["startTimeout"]  # noqa: F821
c.KubeSpawner.uid, c.KubeSpawner.fs_gid = server["uid"], server["fsGid"]  # noqa: F821
c.KubeSpawner.extra_labels = server["extraLabels"]  # noqa: F821
c.KubeSpawner.environment = server["extraEnv"]  # noqa: F821
if server["cmd"]:
    c.Spawner.cmd = server["cmd"]  # noqa: F821
if server["defaultUrl"]:
    c.Spawner.default_url = server["defaultUrl"]  # noqa: F821
for kind, trait in (("cpu", "cpu"), ("memory", "mem")):
    for bound in ("limit", "guarantee"):
        if server[kind].get(bound) is not None:
            setattr(c.KubeSpawner, f"{trait}_{bound}", server[kind][bound])  # noqa: F821
if server["profileList"]:
    c.KubeSpawner.profile_list = server["profileList"]  # noqa: F821

storage = server["storage"]
if storage["type"] == "dynamic":
    c.KubeSpawner.storage_pvc_ensure = True  # noqa: F821
    c.KubeSpawner.storage_capacity = storage["capacity"]  # noqa: F821
    c.KubeSpawner.storage_access_modes = storage["dynamic"]["storageAccessModes"]  # noqa: F821
    if storage["dynamic"]["storageClass"]:
        c.KubeSpawner.storage_class = storage["dynamic"]["storageClass"]  # noqa: F821
    if storage["dynamic"]["pvcNameTemplate"]:
        c.KubeSpawner.pvc_name_template = storage["dynamic"]["pvcNameTemplate"]  # noqa: F821
    c.KubeSpawner.volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}]  # noqa: F821
    c.KubeSpawner.volume_mounts = [{"name": "home", "mountPath": storage["homeMountPath"]}]  # noqa: F821
elif storage["type"] == "static":
    c.KubeSpawner.volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": storage["static"]["pvcName"]}}]  # noqa: F821
    mount = {"name": "home", "mountPath": storage["homeMountPath"], "subPath": storage["static"]["subPath"]}
    c.KubeSpawner.volume_mounts = [mount]  # noqa: F821

services, roles = [], []
if values["cull"]["enabled"]:
    cull = values["cull"]
    command = ["python3", "-m", "jupyterhub_idle_culler", "--url=http://localhost:8081" + base_url + "hub/api"]
    command += [f"--timeout={cull['timeout']}", f"--cull-every={cull['every']}", f"--concurrency={cull['concurrency']}"]
    command += [f"--max-age={cull['maxAge']}"] if cull["maxAge"] else []
    command += ["--cull-users"] if cull["users"] else []
    services.append({"name": "jupyterhub-idle-culler", "command": command})
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    scopes += ["admin:users"] if cull["users"] else []
    roles.append({"name": "jupyterhub-idle-culler", "scopes": scopes, "services": ["jupyterhub-idle-culler"]})
for name, service in hub["services"].items():
    token = service.pop("apiToken", None) or kept(f"hub.services.{name}.apiToken")
    services.append({"name": name, **service, **({"api_token": token} if token else {})})
for name, role in hub["loadRoles"].items():
    roles.append({"name": name, **role})
c.JupyterHub.services = services  # noqa: F821
c.JupyterHub.load_roles = roles  # noqa: F821

for section, traits in hub["config"].items():
    if section[:1].islower():
        raise SystemExit(f"hub.config.{section}: sections are classes and start with a capital letter")
    for trait, value in traits.items():
        if (section, trait) in (
            ("JupyterHub", "cookie_secret"),
            ("CryptKeeper", "keys"),
            ("ConfigurableHTTPProxy", "auth_token"),
        ):
            continue
        setattr(c[section], trait, value)  # noqa: F821

for name, code in sorted(hub["extraConfig"].items()):
    exec(compile(code, f"hub.extraConfig.{name}", "exec"))
