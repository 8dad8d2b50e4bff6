"""Reaching the built cluster: its kubeconfig, clients, nodes."""
