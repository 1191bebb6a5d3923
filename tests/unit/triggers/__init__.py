"""Tests of the room `triggers`."""
