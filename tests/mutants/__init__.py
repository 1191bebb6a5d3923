"""Planted defects that the tests must catch: each is a line of the product, what it becomes, and who must notice."""
