"""Tests of the pure rooms: tables, and properties for what must never be wrong."""
