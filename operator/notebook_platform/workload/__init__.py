"""The workload cluster: the cluster that the operator builds and installs into. How it is reached, and what limits its answers."""
