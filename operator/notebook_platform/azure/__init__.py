"""The Azure side of a platform: one file per resource, each one step."""
