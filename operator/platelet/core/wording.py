"""A notice in the words of its sink's template; where those come to nothing, in platelet's own."""

from collections.abc import Callable
from dataclasses import replace

from platelet.model import message_template, notice_fields
from platelet.model.message_template import BadTemplateError
from platelet.model.notice import Notice
from platelet.model.rules import Sink


def put(notice: Notice, sink: Sink) -> tuple[Notice, str]:
    """The notice with the title and the body of its template, and why it has none of them although there is one."""
    policy = notice.policy
    template = policy.templates.get(notice.route) if policy is not None else None
    if template is None or sink.settings is None:
        return notice, ""
    try:
        title = _write(template.title, notice, str)
        body = _write(template.body, notice, sink.escape)
    except BadTemplateError as error:
        return notice, str(error)
    return replace(notice, title=" ".join(title.split()), body=body), ""


def _write(text: str, notice: Notice, escape: Callable[[str], str]) -> str:
    return message_template.write(text, notice_fields.values_of(notice), escape).strip() if text else ""
