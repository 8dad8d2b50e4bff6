"""Leases: which replica of the operator works on which shard of the platforms."""
