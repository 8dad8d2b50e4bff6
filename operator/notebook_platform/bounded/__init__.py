"""Bounded readers: every document that comes from outside the process is parsed here, within a budget of bytes, nodes and depth.

Secrets, ConfigMaps, release records, rendered charts and answers of Azure, of clusters and of hubs are written by others. A parser
without limits turns a few hundred bytes into gigabytes or stops the event loop, and one loop serves all platforms.
"""
