"""Changes of a hub's values that hide users' data, and similar ones that do not."""

from typing import Any

from notebook_platform.helm.values import merged

KEY = {"hub": {"config": {"ConfigurableHTTPProxy": {"auth_token": "5f" * 32}}}}
STATIC = {"type": "static", "static": {"pvcName": "homes"}}
CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "course"}}
MOUNT = {"name": "data", "mountPath": "/srv/course"}


def storage(**values: Any) -> dict[str, Any]:
    return {"singleuser": {"storage": values}}


def database(**values: Any) -> dict[str, Any]:
    return {"hub": {"db": values}}


def config(section: str, **traits: Any) -> dict[str, Any]:
    return {"hub": {"config": {section: traits}}}


def entra(**traits: Any) -> dict[str, Any]:
    return merged(config("JupyterHub", authenticator_class="azuread"), config("AzureAdOAuthenticator", **traits))


def generic(**traits: Any) -> dict[str, Any]:
    return merged(config("JupyterHub", authenticator_class="generic-oauth"), config("GenericOAuthenticator", **traits))


def profiles(*overrides: dict[str, Any]) -> dict[str, Any]:
    return {"singleuser": {"profileList": [{"slug": f"p{n}", "kubespawner_override": o} for n, o in enumerate(overrides)]}}


HIDING = {
    "dynamic to static": (storage(type="dynamic"), storage(**STATIC), "singleuser.storage.type goes from dynamic to static"),
    "the usual to static": ({}, storage(**STATIC), "singleuser.storage.type goes from dynamic to static"),
    "static to dynamic": (storage(**STATIC), storage(type="dynamic"), "singleuser.storage.type goes from static to dynamic"),
    "dynamic to none": ({}, storage(type="none"), "homes are no longer kept"),
    "another claim": (
        storage(**STATIC),
        storage(type="static", static={"pvcName": "homes-2"}),
        "static.pvcName goes from homes to homes-2",
    ),
    "another directory": (
        storage(**STATIC),
        storage(type="static", static={"pvcName": "homes", "subPath": "u/{username}"}),
        "static.subPath goes from {username} to u/{username}",
    ),
    "another mount path": ({}, storage(homeMountPath="/home/rstudio"), "homeMountPath goes from /home/jovyan to /home/rstudio"),
    "another class": ({}, storage(dynamic={"storageClass": "azurefile"}), "dynamic.storageClass goes from nothing to azurefile"),
    "another template": (
        {},
        storage(dynamic={"pvcNameTemplate": "x-{username}"}),
        "pvcNameTemplate goes from claim-{user_server}",
    ),
    "the template as a trait": ({}, config("KubeSpawner", pvc_name_template="x-{username}"), "to x-{username}"),
    "another directory of a home": ({}, storage(dynamic={"subPath": "v2"}), "dynamic.subPath goes from nothing to v2"),
    "no claims made": ({}, config("KubeSpawner", storage_pvc_ensure=False), "KubeSpawner.storage_pvc_ensure"),
    "other volumes as a trait": (
        {},
        config("KubeSpawner", volumes=[CLAIM]),
        "KubeSpawner.volumes goes from nothing to claim course",
    ),
    "another namespace of servers": ({}, config("KubeSpawner", namespace="users"), "KubeSpawner.namespace"),
    "another spawner": ({}, config("JupyterHub", spawner_class="x.Y"), "spawner_class goes from nothing to x.Y"),
    "a shared volume taken away": (
        storage(extraVolumes=[CLAIM], extraVolumeMounts=[MOUNT]),
        {},
        "extraVolumes mounted at /srv/course goes from claim course to nothing",
    ),
    "a shared volume from another claim": (
        storage(extraVolumes=[CLAIM], extraVolumeMounts=[MOUNT]),
        storage(extraVolumes=[CLAIM | {"persistentVolumeClaim": {"claimName": "other"}}], extraVolumeMounts=[MOUNT]),
        "from claim course to claim other",
    ),
    "a shared volume elsewhere, in the newer form": (
        storage(extraVolumes={"a": CLAIM}, extraVolumeMounts={"a": MOUNT}),
        storage(extraVolumes={"a": CLAIM}, extraVolumeMounts={"a": MOUNT | {"mountPath": "/data"}}),
        "mounted at /srv/course",
    ),
    "a server of files": (
        storage(extraVolumes=[{"name": "data", "nfs": {"server": "a", "path": "/"}}], extraVolumeMounts=[MOUNT]),
        storage(extraVolumes=[{"name": "data", "nfs": {"server": "b", "path": "/"}}], extraVolumeMounts=[MOUNT]),
        "mounted at /srv/course changes (other values)",
    ),
    "a profile's volumes": (
        profiles({"volumes": [CLAIM]}),
        profiles({"volumes": [CLAIM | {"persistentVolumeClaim": {"claimName": "other"}}]}),
        "profileList[p0].kubespawner_override goes from claim course to claim other",
    ),
    "a profile that gets a template": (
        profiles({"cpu_limit": 1}),
        profiles({"pvc_name_template": "x"}),
        "profileList[p0].kubespawner_override",
    ),
    "a choice's volumes": (
        {
            "singleuser": {
                "profileList": [
                    {
                        "slug": "p",
                        "profile_options": {"o": {"choices": {"c": {"kubespawner_override": {"volumes": [CLAIM]}}}}},
                    }
                ]
            }
        },
        {},
        "profileList[p/o/c]",
    ),
    "sqlite to a URL": ({}, database(type="postgres", url="postgresql://h@db/hub"), "hub.db goes from sqlite-pvc to postgres"),
    "a URL to sqlite": (database(type="postgres", url="postgresql://h@db/hub"), {}, "hub.db goes from postgres to sqlite-pvc"),
    "sqlite to memory": ({}, database(type="sqlite-memory"), "hub.db goes from sqlite-pvc to sqlite-memory"),
    "another host": (
        database(type="postgres", url="postgresql://h@db-1/hub"),
        database(type="postgres", url="postgresql://h@db-2/hub"),
        "hub.db changes (postgres)",
    ),
    "another database": (
        database(type="postgres", url="postgresql://h@db/hub"),
        database(type="postgres", url="postgresql://h@db/hub2"),
        "hub.db changes (postgres)",
    ),
    "a URL as a trait": ({}, config("JupyterHub", db_url="mysql://h:p@db/hub"), "hub.db goes from sqlite-pvc to mysql"),
    "another file of the database": ({}, database(pvc={"subPath": "new"}), "hub.db.pvc.subPath goes from nothing to new"),
    "another name of the claim": ({}, {"fullnameOverride": "lab"}, "fullnameOverride goes from nothing to lab"),
    "another claim of the name": (
        generic(username_claim="email"),
        generic(username_claim="sub"),
        "GenericOAuthenticator.username_claim goes from email to sub",
    ),
    "the claim under its old name": (generic(username_key="email"), generic(username_claim="sub"), "from email to sub"),
    "another tenant": (entra(tenant_id="a"), entra(tenant_id="b"), "AzureAdOAuthenticator.tenant_id goes from a to b"),
    "another provider": (generic(username_claim="email"), entra(), "from genericoauthenticator to azureadoauthenticator"),
    "another issuer": (
        generic(userdata_url="https://a.example.org/userinfo"),
        generic(userdata_url="https://b.example.org/userinfo"),
        "userdata_url goes from https://a.example.org/userinfo",
    ),
    "names mapped": ({}, config("Authenticator", username_map={"ada": "admin"}), "Authenticator.username_map"),
    "code": (
        {"hub": {"extraConfig": {"a": "x = 1"}}},
        {"hub": {"extraConfig": {"a": "c.KubeSpawner.volumes = []"}}},
        "hub.extraConfig.a changes (1 lines)",
    ),
    "code in a file": (
        {},
        {"hub": {"extraFiles": {"f": {"stringData": "c.JupyterHub.db_url = 's3cret'"}}}},
        "hub.extraFiles.f goes from nothing to 1 lines",
    ),
}
HARMLESS = {
    "nothing": (storage(**STATIC), storage(**STATIC)),
    "the default is set explicitly": (
        {},
        merged(storage(type="dynamic", homeMountPath="/home/jovyan"), database(type="sqlite-pvc")),
    ),
    "nothing was kept": (storage(type="none"), storage(**STATIC)),
    "the database was in memory": (database(type="sqlite-memory"), database(type="postgres", url="postgresql://h@db/hub")),
    "another password": (
        database(type="postgres", url="postgresql://h:old@db:5432/hub"),
        database(type="postgres", url="postgresql+psycopg2://i:new@db/hub?sslmode=require"),
    ),
    "another size": (storage(capacity="10Gi"), storage(capacity="20Gi")),
    "the same class by its long name": (
        config("JupyterHub", authenticator_class="azuread"),
        config("JupyterHub", authenticator_class="oauthenticator.azuread.AzureAdOAuthenticator"),
    ),
    "the claim under its new name": (generic(username_key="email"), generic(username_claim="email")),
    "more users": (config("Authenticator", allowed_users=["ada"]), config("Authenticator", allowed_users=["ada", "grace"])),
    "a new shared volume": ({}, storage(extraVolumes=[CLAIM], extraVolumeMounts=[MOUNT])),
    "a new profile": (profiles({}), profiles({}, {"volumes": [CLAIM]})),
    "a volume of settings": (
        storage(extraVolumes=[{"name": "data", "configMap": {"name": "a"}}], extraVolumeMounts=[MOUNT]),
        {},
    ),
    "code about something else": ({}, {"hub": {"extraConfig": {"a": "c.JupyterHub.log_level = 10"}}}),
    "the default template is set explicitly": ({}, storage(dynamic={"pvcNameTemplate": "claim-{user_server}"})),
}
