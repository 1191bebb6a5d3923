"""Tests of the contract: readers, writers, schemas, conditions, settings."""
