"""Read documents from outside the process within a limit of bytes, nodes and depth.

Secrets, ConfigMaps, release records, rendered charts and responses of Azure, clusters and hubs come from other parties. A
parser without limits can turn a few hundred bytes into gigabytes or block the event loop, which serves all platforms. Every
package parses such documents here.
"""
