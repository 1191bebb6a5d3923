"""Contract tests: what the house promises about itself, checked on the house."""
