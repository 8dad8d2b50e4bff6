"""Helm releases: observe, plan and act on them. Knows nothing of Jupyter."""
