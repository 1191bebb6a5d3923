"""The flow: `decide` takes the arrows of the picture in order; each has a pure module, beside what they share.

Belongs here: what follows from a situation at a moment: the next status and the effects. Does not belong here: reading,
writing, waiting, or knowing how an action, guard or check works inside.
"""
