"""The resource: its schema and the rules of Kubernetes' API reviewers."""
