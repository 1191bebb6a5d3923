"""What is written from the code: CRDs, roles, admission policies, and the tables of the documents.

Belongs here: schemas from the model's comments and defaults, rights from what actions and changes declare.
Does not belong here: anything that the operator reads or decides by. `make crds` calls it.
"""
