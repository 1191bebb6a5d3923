"""Judges conditions over a workload as it is stored now, each in a process of its own that is bounded."""

import asyncio
import json
import os
import sys
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from platelet.model.object_condition import Answer
from platelet.model.reading import Judged, ObjectCondition, Question, Reading, Unanswered
from platelet.model.resource import WORKLOADS
from platelet.shell.kube import ApiError, Json, Reads

TIMEOUT: Final = 5.0  # seconds; the process itself may use one of the processor
_AT_ONCE: Final = 2  # processes
_RUNS_AWAY: Final = "it takes too much time or memory"
_COMMAND: Final = ("-P", "-B", "-m", "platelet.shell.outbound.condition_process")


class Evaluates(Protocol):
    """Evaluates a condition over an object."""

    async def __call__(self, text: str, stored: Json) -> Answer:
        """Never raises."""


class ObjectConditions:
    """Reads the workload, and has the condition evaluated on it."""

    def __init__(self, kube: Reads, evaluate: Evaluates | None = None) -> None:
        """`evaluate` is the process, unless another one is given."""
        self._kube = kube
        self._evaluate = evaluate or BoundedProcess()

    async def ask(self, question: ObjectCondition) -> Judged | Unanswered:
        """Never raises: what cannot be known is an answer, too."""
        target = question.target
        try:
            stored = await self._kube.get(WORKLOADS[target.kind], target.namespace, target.name)
        except ApiError as error:
            return Unanswered(why=f"the {target.kind} cannot be read: {error.reason or error.code}")
        metadata = {key: value for key, value in stored["metadata"].items() if key != "managedFields"}
        answer = await self._evaluate(question.text, {**stored, "metadata": metadata})
        return Unanswered(why=answer.why) if answer.holds is None else Judged(holds=answer.holds)


class BoundedProcess:
    """Starts one process for each condition; two at a time."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        """`timeout` is in seconds, from its start to its end."""
        self._timeout = timeout
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, text: str, stored: Json) -> Answer:
        """What it says; not known where it does not end in time, or not well."""
        asked = json.dumps({"text": text, "object": stored}).encode()
        async with self._free:
            try:
                async with asyncio.timeout(self._timeout):
                    output = await self._run(asked)
                answer = json.loads(output)
                return Answer(holds=answer["holds"], why=answer["why"])
            except (TimeoutError, ValueError):  # what was killed has written nothing
                return Answer(holds=None, why=_RUNS_AWAY)
            except OSError as error:
                return Answer(holds=None, why=f"no process can be started for it: {error.strerror}")

    async def _run(self, asked: bytes) -> bytes:
        """What it writes. It is given no credentials: of the environment only where the code is."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        try:
            return (await process.communicate(asked))[0]
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class OnlyConditions:
    """An asker that judges conditions and asks nobody else."""

    def __init__(self, conditions: ObjectConditions) -> None:
        """Nothing is asked yet."""
        self._conditions = conditions

    async def ask(self, questions: Collection[Question]) -> Mapping[Question, Reading]:
        """Judge each. Never raises."""
        return {question: await self._ask(question) for question in questions}

    async def _ask(self, question: Question) -> Reading:
        if isinstance(question, ObjectCondition):
            return await self._conditions.ask(question)
        return Unanswered(why="nobody was asked")
