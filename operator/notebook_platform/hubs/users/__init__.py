"""What users of a hub have in its cluster: their volumes, and what a change does to them."""
