"""The commands that people type: `platelet run`, `explain`, `pause`, `resume`.

Belongs here: reading arguments, and telling in words what core decides. Does not belong here: a decision.
"""

from platelet.cli.commands import main

__all__ = ["main"]
