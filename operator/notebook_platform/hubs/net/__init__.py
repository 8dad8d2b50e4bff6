"""Requests to addresses that authors and tenants choose."""
