"""What others publish of the bodies that they take: whoever stands in for them in a test holds us to it."""
