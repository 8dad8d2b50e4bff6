"""Reconcile the Azure resources of a platform: one file for each resource, each a step."""
