"""The NotebookPlatform operator: one Kubernetes resource becomes a running JupyterHub or BinderHub on Azure."""

__version__ = "0.1.0"
