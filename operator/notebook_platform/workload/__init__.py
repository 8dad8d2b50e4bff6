"""Access the workload cluster, which the operator creates and installs releases into, and limit its responses."""
