"""A new check is one file and one name in the list: with both, everything else knows it."""

from tests.scenarios import own_process


def test_a_check_of_one_file_is_offered_judged_by_and_told() -> None:
    own_process.assert_passes("toy_check")
