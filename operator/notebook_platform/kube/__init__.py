"""Access the management cluster: the platform object, and the Secrets and ConfigMaps in its namespace."""
