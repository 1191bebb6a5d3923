"""Tests of the room `shell`."""
