"""Tests of what the demo claims and tells: that its claims fail where the thing did not happen."""
