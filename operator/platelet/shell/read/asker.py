"""Who asks others than the API server, as the gatherer needs it."""

from collections.abc import Collection, Mapping
from typing import Protocol

from platelet.model.reading import Question, Reading, Unanswered


class Asker(Protocol):
    """Asks others than the API server."""

    async def ask(self, questions: Collection[Question]) -> Mapping[Question, Reading]:
        """Ask each once. Never raises: what cannot be known is an answer, too."""


class Nobody:
    """Asks nobody."""

    async def ask(self, questions: Collection[Question]) -> Mapping[Question, Reading]:
        """Know nothing."""
        return {question: Unanswered(why="nobody was asked") for question in questions}
