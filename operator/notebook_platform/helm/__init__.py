"""Helm releases: read from the cluster, decided on, acted upon. Knows no Jupyter."""
