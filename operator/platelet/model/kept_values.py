"""Values of an object that people must not see, kept in a record beside it, and known elsewhere by digests only."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValues:
    """The values of one change, before and after it. The record's own uid is what the digests are salted with.

    Whoever cannot read the record cannot guess a short value by its digest; and who makes another one under its name
    makes one with another uid, to which no digest fits.
    """

    name: str  # of the record
    uid: str = ""  # of the record; empty: it is still to be made
    before: Mapping[str, str] = field(default_factory=dict, repr=False)
    meant: Mapping[str, str] = field(default_factory=dict, repr=False)

    def conceal(self, values: Mapping[str, str]) -> dict[str, str]:
        """The same values, each as its digest: 64 hex digits."""
        return {name: self.digest(name, value) for name, value in values.items()}

    def digest(self, name: str, value: str) -> str:
        """Name a value of a field without showing it."""
        text = f"{self.uid}\0{name}\0{value}"
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    def reveal(self, concealed: Mapping[str, str]) -> Mapping[str, str] | None:
        """The values behind the digests, where the record holds exactly these; else None: it is another record."""
        kept = (values for values in (self.before, self.meant) if self.conceal(values) == dict(concealed))
        return next(kept, None)
