"""spec.jupyterhub: the hub, in typed fields that stay the same over chart generations."""

from notebook_platform.api.hubs.auth import Auth, Dummy, Entra, GitHub, OAuth, Oidc, WhoMay
from notebook_platform.api.hubs.chart import Chart, MoreValues, Needs, ValuesFrom
from notebook_platform.api.hubs.expose import Expose, HttpRoute, Ingress, LoadBalancer, Tls
from notebook_platform.api.hubs.hub import Database, HubRole, HubService, ImagePull, Network
from notebook_platform.api.hubs.servers import Amount, Culling, Placement, Profile, SingleUser, Storage
from notebook_platform.api.hubs.spec import JupyterHubSpec

__all__ = [
    "Amount",
    "Auth",
    "Chart",
    "Culling",
    "Database",
    "Dummy",
    "Entra",
    "Expose",
    "GitHub",
    "HttpRoute",
    "HubRole",
    "HubService",
    "ImagePull",
    "Ingress",
    "JupyterHubSpec",
    "LoadBalancer",
    "MoreValues",
    "Needs",
    "Network",
    "OAuth",
    "Oidc",
    "Placement",
    "Profile",
    "SingleUser",
    "Storage",
    "Tls",
    "ValuesFrom",
    "WhoMay",
]
