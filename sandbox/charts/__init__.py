"""Small charts of our own under z2jh's value names and workload names, for work with no network."""
