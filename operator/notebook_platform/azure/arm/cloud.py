"""Define the endpoints of an Azure cloud. They come from the operator's own configuration, never from a resource."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The endpoints of one Azure cloud, without trailing slashes. `ca_file`: CA certificates of a custom one."""

    resource_manager: str
    authority: str
    graph: str
    public_names: str = "cloudapp.azure.com"
    """The suffix of the public name that a DNS label gives to an address: `<label>.<location>.<suffix>`."""
    ca_file: Path | None = None
    kubelogin_environment: str = "AzurePublicCloud"
    """kubelogin's name of the cloud."""

    @property
    def documented(self) -> bool:
        """Return whether it is one of Azure's own clouds, whose rate limits are documented."""
        return any(self.resource_manager == cloud.resource_manager for cloud in CLOUDS.values())

    @property
    def management_scope(self) -> str:
        """Return the scope of tokens for Resource Manager."""
        return f"{self.resource_manager}/.default"

    @property
    def graph_scope(self) -> str:
        """Return the scope of tokens for Microsoft Graph."""
        return f"{self.graph}/.default"


CLOUDS = {
    "public": Cloud(
        resource_manager="https://management.azure.com",
        authority="https://login.microsoftonline.com",
        graph="https://graph.microsoft.com",
    ),
    "usgovernment": Cloud(
        resource_manager="https://management.usgovcloudapi.net",
        authority="https://login.microsoftonline.us",
        graph="https://graph.microsoft.us",
        public_names="cloudapp.usgovcloudapi.net",
        kubelogin_environment="AzureUSGovernmentCloud",
    ),
    "china": Cloud(
        resource_manager="https://management.chinacloudapi.cn",
        authority="https://login.chinacloudapi.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
        public_names="cloudapp.chinacloudapi.cn",
        kubelogin_environment="AzureChinaCloud",
    ),
}
"""https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure and its counterpart for China."""
