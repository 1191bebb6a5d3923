"""A process of its own that evaluates one condition over one object: what runs away is killed, and takes nobody along.

It reads `{"text": ..., "object": ...}` from standard input, and writes `{"holds": ..., "why": ...}`.
"""

import json
import resource
import sys

from platelet.model import object_condition

_MEMORY = 256 << 20  # bytes of address space: some 40 MiB of it are the interpreter and the library
_CPU = 1  # seconds
_SOFT_AND_HARD = {
    resource.RLIMIT_AS: (_MEMORY, _MEMORY),
    resource.RLIMIT_CPU: (_CPU, _CPU),
    resource.RLIMIT_CORE: (0, 0),
}


def main() -> None:
    """Evaluate what is asked, within the limits."""
    for limit, bounds in _SOFT_AND_HARD.items():
        resource.setrlimit(limit, bounds)
    asked = json.load(sys.stdin)
    answer = object_condition.evaluate(asked["text"], asked["object"])
    json.dump({"holds": answer.holds, "why": answer.why}, sys.stdout)


if __name__ == "__main__":
    main()
