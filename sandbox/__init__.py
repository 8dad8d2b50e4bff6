"""Everything that stands in for a cloud, for the demo and the tests. Never in the operator's image."""
