"""A simulated Azure over real HTTPS: Resource Manager, Entra ID's token endpoint, Microsoft Graph, Monitor."""
