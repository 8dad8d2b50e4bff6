"""Choose the Azure cloud by the operator's configuration."""

from notebook_platform.azure.arm.cloud import CLOUDS, Cloud
from notebook_platform.config import OperatorConfig


def cloud_of(config: OperatorConfig) -> Cloud:
    """Return the Azure cloud that the operator's configuration names."""
    known = CLOUDS[config.cloud]
    return Cloud(
        resource_manager=(config.resource_manager_url or known.resource_manager).rstrip("/"),
        authority=(config.authority_url or known.authority).rstrip("/"),
        graph=(config.graph_url or known.graph).rstrip("/"),
        public_names=known.public_names,
        ca_file=config.ca_file,
        kubelogin_environment=known.kubelogin_environment,
    )
