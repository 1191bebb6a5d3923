"""An undo in one sentence: what people say yes to, and what they are told of it."""

from platelet.model import blame, difference, references
from platelet.model.durations import say_time
from platelet.model.revision import RevisionRecord
from platelet.model.situation import Situation
from platelet.model.workload import Workload


def say(record: RevisionRecord, live: Workload, situation: Situation) -> str:
    """What people say yes to: what goes and comes, who released it when, how well the goal was, what else differs."""
    images = difference.say_images(live.template, record.template) or "the template, with the same images"
    revisions = (old for old in situation.snapshot.revisions if old.template_hash == record.template_hash)
    numbers = [old.number for old in revisions if old.number]
    where = f"revision {max(numbers)}" if numbers else "kept on record, its revision is gone"
    left = blame.live_record(situation)
    released = ""
    if left is not None:
        released = f", released {say_time(left.last_release)}" + (f" by {left.released_by}" if left.released_by else "")
    goal = "nothing is known of the health of what comes back"
    if record.health == "Healthy":
        goal = f"what comes back was healthy at {say_time(record.health_since or record.first_seen)}"
    fields = difference.say_fields(live.template, record.template)
    secrets = sorted(
        name
        for name in references.needed(record.template) - references.needed(live.template)
        if name.startswith(f"{references.SECRET}/")
    )
    message = f"undo {images} ({where}){released}; {goal}" + (f"; also differs: {fields}" if fields else "")
    return message + (f"; it needs {', '.join(secrets)}, which platelet does not look for" if secrets else "")
