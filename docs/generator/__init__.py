"""The reference pages, written from the code: what a page says of a field or an error is what the code says. Not in the wheel."""
