"""The flow: one pure module per arrow of the picture; `decide` is the seam.

Belongs here: what follows from a situation at a moment: the next status and the effects. Does not belong here: reading,
writing, waiting, or knowing how an action, guard or check works inside.
"""
