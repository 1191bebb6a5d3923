"""The intent of an attempt: what its writes rely on, and what they will have made true (DESIGN 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL
from platelet.model.signal import ShortText
from platelet.model.workload import Name

MAX_CHANGES = 4
Values = Annotated[Mapping[str, ShortText], Field(max_length=8)]
"""Fields of an object by name, as text. What people must not see there is told by a digest."""

TEMPLATE: Final = "template"  # its hash; no field of a container has a name without a dot
RESTART_STAMP: Final = "restartStamp"
REPLICAS: Final = "replicas"
MADE_FROM: Final = "madeFrom"  # the hash of a template that is put back with fields of the one that is left
VALUES: Final = "values"  # the name of the record that keeps values which are put back beside what is in `RECORD`
PUT_BACK: Final = "putBack"  # the attempt whose change this one puts back for good
RECORD: Final = "record"  # the name of the revision record that holds what is written


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """One object in the target's namespace."""

    api_version: ShortText
    kind: ShortText
    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedChange:
    """One change of one object, as an attempt pins it: data of which only the change of this kind knows the meaning.

    What an action plans says what is meant. The rest is pinned from the object when the write is intended.
    """

    kind: ShortText  # which kind of change it is; one that is not known is not touched
    object: ObjectRef | None = None  # what is written, in the target's namespace; absent: the target itself
    uid: ShortText = ""  # of the object
    version: ShortText = ""  # of the object: while it is the same, nothing was written there
    before: Values = field(default_factory=dict)  # the fields that are written, as they were
    meant: Values  # as they will be; once the change is made: as the API server stored them
    how: Values = field(default_factory=dict)  # what it takes besides: the name of the record that holds a value
    abandons: ShortText = ""  # the hash of the template that is given up as one that failed; only an undo does that

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def record(self) -> str:
        """The name of the revision record that holds what is written; empty where the values themselves are pinned."""
        return self.how.get(RECORD, "")

    @property
    def records(self) -> tuple[str, ...]:
        """The names of all records that hold anything of it."""
        return tuple(self.how[name] for name in (RECORD, VALUES) if name in self.how)

    @property
    def made_from(self) -> str:
        """The hash of the template that is put back, where it is not put back exactly; else empty."""
        return self.how.get(MADE_FROM, "")

    @property
    def puts_back(self) -> str:
        """The attempt whose change it puts back for good, so that nothing of that one is owed any more; else empty."""
        return self.how.get(PUT_BACK, "")


Changes = Annotated[tuple[PinnedChange, ...], Field(max_length=MAX_CHANGES)]
"""What one attempt writes, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreState:
    """What the target looked like when the attempt was planned: the precondition of its writes (TRAPS 47)."""

    uid: ShortText
    generation: int
    template_hash: ShortText
    restart_stamp: ShortText = ""
    replicas: int

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields of the target that a change may write, by name."""
        return {
            TEMPLATE: self.template_hash,
            RESTART_STAMP: self.restart_stamp,
            REPLICAS: str(self.replicas),
        }
