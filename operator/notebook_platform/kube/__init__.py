"""The management cluster: the Secrets and ConfigMaps beside a platform."""
