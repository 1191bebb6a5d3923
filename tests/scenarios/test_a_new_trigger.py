"""A new trigger is one file and one name in the list: with both, everything else knows it."""

from tests.scenarios import own_process


def test_a_trigger_of_one_file_is_offered_watched_acted_on_and_explained() -> None:
    own_process.assert_passes("toy_trigger")
