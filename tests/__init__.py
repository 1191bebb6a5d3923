"""The tests, tier by tier: see CONTRIBUTING.md."""
