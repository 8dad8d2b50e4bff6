"""What the users of a hub own in its cluster: their volumes, and what a change does to them."""
