"""Tests of core: one module each, tables whose row names are sentences."""
