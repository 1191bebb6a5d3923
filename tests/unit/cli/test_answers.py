"""approve and reject: to the plan that is shown and to no other; else one line says why not."""

from dataclasses import replace

import pytest

from platelet.cli import answers, commands, session
from platelet.core.decide import decide
from platelet.explain import incident, incident_text
from platelet.model.approval import Approval
from platelet.model.remediation import Remediation, RemediationStatus
from tests.unit.core.runbooks import restart_step, undo_step
from tests.unit.situations import NOW, a_policy, a_remediation, a_situation, a_status, minutes


def asked() -> tuple[RemediationStatus, Approval]:
    """The status of a Remediation whose plan is shown."""
    status = decide(a_situation(policy=a_policy(mode="Approve"), steps=(undo_step(),)), NOW).status
    assert status.approval is not None
    return status, status.approval


def shown(**changes: object) -> Remediation:
    status, approval = asked()
    return a_remediation(status=replace(status, approval=replace(approval, **changes)))  # type: ignore[arg-type]


def test_the_plan_that_is_shown_is_found_and_described() -> None:
    question = answers.find_question(shown(), "", NOW)
    text = "\n".join(answers.describe(question, NOW))
    assert "shop/deployment/api" in text
    assert question.asked.token in text
    assert "undo the template, with the same images (revision 1), released" in text
    assert "(in 30m)" in text


NOT_NOW = {
    "nothing is asked": (a_remediation(status=a_status()), "", "awaits no approval now: it is Waiting"),
    "the token is another plan's": (shown(), "0-1-feed", "0-1-feed is another plan than the present one, "),
    "it is too late": (shown(expires_at=NOW), "", "the time for an answer was over at 2026-11-21T12:00:00Z"),
    "it is void": (shown(answer="Void"), "", "awaits no approval now"),
    "somebody was faster": (
        a_remediation(
            status=replace(asked()[0], state="Waiting", approval=replace(asked()[1], answer="Approved", by="bob"))
        ),
        "",
        "is approved already, by bob",
    ),
}


@pytest.mark.parametrize(("remediation", "token", "words"), NOT_NOW.values(), ids=NOT_NOW)
def test_where_there_is_no_such_question_one_line_says_why(remediation: Remediation, token: str, words: str) -> None:
    with pytest.raises(session.NothingToTellError, match=words):
        answers.find_question(remediation, token, NOW)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["approve", "deployment/api"], "only a Remediation can be answered to", id="a workload"),
        pytest.param(["approve", "rem/a/b"], "write it like remediation/NAME", id="a namespace in the name"),
        pytest.param(["retry", "deployment/api"], "only a Remediation can be answered to", id="a workload to retry"),
        pytest.param(
            ["acknowledge", "deployment/api"], "only a Remediation can be answered to", id="a workload's alarm"
        ),
        pytest.param(["reject", "rem/a"], "--reason", id="no reason"),
        pytest.param(["reject", "rem/a", "--reason", " "], "say why in 1 to 512 characters", id="an empty reason"),
    ],
)
def test_wrong_arguments_are_exit_code_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        commands.main(arguments)
    assert end.value.code == 2
    assert words in capsys.readouterr().err


def test_explain_says_what_is_asked_how_to_answer_and_until_when() -> None:
    remediation = shown()
    situation = a_situation(policy=a_policy(mode="Approve"), steps=(undo_step(),), remediation=remediation)
    text = "\n".join(incident_text.text(incident.explain(situation, NOW + minutes(1))))
    approval = remediation.status.approval
    assert approval is not None
    assert "a person approves: platelet approve remediation/deployment-api-1 -n shop" in text
    assert f"platelet.dev/approve={approval.token} platelet.dev/approved-by=YOU" in text
    assert "at 2026-11-21T12:30:00Z (in 29m): stop, and tell people, if nobody has approved by then" in text
    assert "none yet" in text


def people_have_it() -> Remediation:
    """A Remediation of which no step is left."""
    begun = a_remediation(status=a_status(step=1))
    return replace(begun, status=decide(a_situation(remediation=begun, steps=(restart_step(),)), NOW).status)


def test_an_escalation_is_found_by_its_token_or_without_one() -> None:
    remediation = people_have_it()
    escalation = answers.find_escalation(remediation, "")
    assert escalation.token
    assert answers.find_escalation(remediation, escalation.token) == escalation


def test_what_was_told_last_is_acknowledged_and_nothing_else() -> None:
    """A graver word that came meanwhile is not known to whoever answers to the first."""
    remediation = people_have_it()
    escalation = answers.find_escalation(remediation, "")
    assert answers.find_told(remediation, "").token == escalation.acknowledgement
    assert answers.find_told(remediation, escalation.acknowledgement).text.startswith("escalated: ")
    again = replace(remediation.status, escalation=replace(escalation, told=escalation.told + 1))
    with pytest.raises(session.NothingToTellError, match="is not what people were told last"):
        answers.find_told(replace(remediation, status=again), escalation.acknowledgement)


NOT_TO_BE_HANDED_BACK = {
    "it is not escalated": (a_remediation(status=a_status()), "", "is not escalated now: it is Waiting"),
    "the token is that of an earlier escalation": (people_have_it(), "feed", "feed is an earlier escalation"),
}


@pytest.mark.parametrize(("remediation", "token", "words"), NOT_TO_BE_HANDED_BACK.values(), ids=NOT_TO_BE_HANDED_BACK)
def test_where_nothing_can_be_handed_back_one_line_says_why(remediation: Remediation, token: str, words: str) -> None:
    with pytest.raises(session.NothingToTellError, match=words):
        answers.find_escalation(remediation, token)


def test_explain_says_what_people_can_do_with_what_they_have() -> None:
    situation = a_situation(steps=(restart_step(),), remediation=people_have_it())
    text = "\n".join(incident_text.text(incident.explain(situation, NOW)))
    assert "hand it back, and its steps are tried again: platelet retry remediation/deployment-api-1 -n shop" in text
