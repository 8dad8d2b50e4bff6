"""The metrics of a hub in Azure Monitor managed Prometheus: what its values need for it, and what has the agent scrape it."""
