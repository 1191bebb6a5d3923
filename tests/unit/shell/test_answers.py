"""What the API server's answers become."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.shell import kube
from platelet.shell.kube import responses

# As kube-apiserver 1.36 writes it for a JSON Patch whose test failed [measured].
FAILED_TEST = {"reason": "Invalid", "message": "the server rejected our request due to an error in our request"}
INVALID = {
    "reason": "Invalid",
    "message": 'Deployment.apps "api" is invalid: spec.template.spec.containers[0].env[0].value: "hunter2"',
    "details": {"causes": [{"field": "spec.template.spec.containers[0].env[0].value", "message": '"hunter2"'}]},
}


def failure(code: int, status: Any, *, sent_body: bool = True, json_patch: bool = False) -> kube.ApiError:
    with pytest.raises(kube.ApiError) as caught:
        responses.raise_for(code, json.dumps(status).encode(), sent_body=sent_body, json_patch=json_patch)
    return caught.value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, kube.Refused),
        (401, kube.Refused),
        (403, kube.Refused),
        (404, kube.NotFound),
        (405, kube.Refused),
        (408, kube.Unanswered),
        (409, kube.Conflict),
        (410, kube.Refused),
        (415, kube.Refused),
        (422, kube.Refused),
        (429, kube.Unanswered),
        (500, kube.Unanswered),
        (503, kube.Unanswered),
        (504, kube.Unanswered),
        (301, kube.Unanswered),
    ],
)
def test_each_status_has_its_error(code: int, expected: type[kube.ApiError]) -> None:
    error = failure(code, {"reason": "Because", "message": "so"})
    assert type(error) is expected
    assert (error.code, error.reason) == (code, "Because")


def test_a_success_raises_nothing() -> None:
    responses.raise_for(201, b"{}", sent_body=True)


UNKNOWN = (
    'RemediationPolicy in version "v1alpha1" cannot be handled as a RemediationPolicy: strict decoding error: '
    'unknown field "status.failedJobs[0].call", unknown field "status.failedJobs[1].call", unknown field "status.x"'
)


def test_fields_that_an_older_crd_does_not_know_are_named_once_with_the_fix() -> None:
    error = failure(400, {"reason": "BadRequest", "message": UNKNOWN})
    assert type(error) is kube.OutdatedSchema
    assert error.message.endswith("does not know status.failedJobs.call, status.x: kubectl apply --server-side -k crds")


def test_of_many_fields_that_are_not_known_the_rest_is_counted() -> None:
    message = ", ".join(f'unknown field "status.f{number}"' for number in range(5))
    assert "status.f0, status.f1, status.f2 and 2 more: " in failure(400, {"message": message}).message


def test_what_is_no_path_is_not_repeated() -> None:
    error = failure(400, {"message": 'strict decoding error: unknown field "hunter2 and more"'})
    assert type(error) is kube.Refused
    assert "hunter2" not in str(error)


def test_a_failed_test_of_a_json_patch_is_a_conflict() -> None:
    assert type(failure(422, FAILED_TEST, json_patch=True)) is kube.Conflict


def test_the_same_words_about_another_request_are_a_refusal() -> None:
    assert type(failure(422, FAILED_TEST, json_patch=False)) is kube.Refused


def test_an_invalid_result_of_a_json_patch_is_a_refusal() -> None:
    assert type(failure(422, INVALID, json_patch=True)) is kube.Refused


def test_a_validation_error_keeps_the_field_and_not_the_value() -> None:
    message = str(failure(422, INVALID))
    assert "spec.template.spec.containers[0].env[0].value" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("deployments is forbidden: ValidatingAdmissionPolicy 'no-friday' denied: hunter2", "no-friday"),
        ('admission webhook "policy.example.com" denied the request: hunter2', "policy.example.com"),
    ],
)
@pytest.mark.parametrize("code", [400, 403, 422])
def test_a_denial_names_who_denied_and_not_what_they_quote(words: str, kept: str, code: int) -> None:
    message = str(failure(code, {"reason": "Forbidden", "message": words}))
    assert kept in message
    assert "hunter2" not in message


def test_rbacs_own_words_are_kept() -> None:
    words = 'deployments.apps "api" is forbidden: User "bob" cannot patch resource "deployments" in API group "apps"'
    assert words in str(failure(403, {"reason": "Forbidden", "message": words}))


@given(st.text(min_size=8).filter(lambda text: text.strip()), st.sampled_from([400, 415, 422]))
def test_no_refusal_of_a_body_repeats_the_servers_message(secret: str, code: int) -> None:
    """The message of a validation or decoding error may quote anything that was sent."""
    status = {"reason": "Invalid", "message": f"bad value <<{secret}>>", "details": {"causes": [{"message": secret}]}}
    assert f"<<{secret}>>" not in str(failure(code, status))


@pytest.mark.parametrize(
    "raw", [b"", b"404 page not found", b"[]", b'"x"', b"\xff\xfe", b'{"message": 3}', b"[" * 9000]
)
def test_an_answer_that_is_no_status_still_has_its_error(raw: bytes) -> None:
    with pytest.raises(kube.NotFound):
        responses.raise_for(404, raw, sent_body=False)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"\xff", b"[" * 9000])
def test_a_success_without_an_object_leaves_the_outcome_unknown(raw: bytes) -> None:
    with pytest.raises(kube.Unanswered):
        responses.decode(200, raw)
    with pytest.raises(kube.Unanswered):
        responses.decode_page(raw)
