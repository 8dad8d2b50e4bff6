"""The Kubernetes side of the sandbox: real control planes, nodes by kwok, load balancers and volumes."""
