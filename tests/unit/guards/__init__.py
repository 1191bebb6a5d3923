"""Tests of the room `guards`."""
