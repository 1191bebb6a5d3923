"""A new action with a change of a new kind of object is one file and two names in lists: everything else knows it."""

from tests.scenarios import own_process


def test_an_action_and_a_change_of_one_file_keep_every_promise() -> None:
    own_process.assert_passes("toy_change")
