"""The generator of the reference pages: the code is their only source. Not in the wheel."""
