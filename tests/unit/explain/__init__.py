"""Tests of the commands: rendering and the pure parts behind it."""
