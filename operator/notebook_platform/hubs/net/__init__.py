"""Requests at addresses that others chose."""
