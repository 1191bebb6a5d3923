"""Changes of one object."""
