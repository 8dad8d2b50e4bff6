"""Metrics, traces, the context of log lines, and the health of the process."""
