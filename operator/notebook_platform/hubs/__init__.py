"""JupyterHub: typed spec -> chart values, secrets, health. Knows no Azure."""
