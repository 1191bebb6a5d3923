"""The commands that people type: all are in `commands.COMMANDS`.

Belongs here: reading arguments, and telling in words what core decides. Does not belong here: a decision.
"""

from platelet.cli.commands import main

__all__ = ["main"]
