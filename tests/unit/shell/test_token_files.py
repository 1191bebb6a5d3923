"""Bearer tokens from files, several at a time, read again when they change."""

from pathlib import Path

import pytest

from platelet.shell.intake.token_files import NoTokenError, TokenFiles


def files(folder: Path, **tokens: str) -> list[Path]:
    """Write each token to a file of its name."""
    for name, token in tokens.items():
        (folder / name).write_text(token)
    return [folder / name for name in tokens]


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        pytest.param("Bearer first", True, id="the first token"),
        pytest.param("Bearer second", True, id="the second one, while rotating"),
        pytest.param("bearer   first ", True, id="the scheme in any case, spaces around"),
        pytest.param("Bearer firs", False, id="a part of a token"),
        pytest.param("Bearer first second", False, id="both"),
        pytest.param("Bearer ", False, id="no token"),
        pytest.param("", False, id="no header"),
        pytest.param("first", False, id="no scheme"),
        pytest.param("Basic first", False, id="another scheme"),
        pytest.param("Bearer f\udcffrst", False, id="bytes that are no text"),
    ],
)
def test_allows(tmp_path: Path, header: str, allowed: object) -> None:
    assert TokenFiles(files(tmp_path, a="first\n", b="second\n")).allows(header) is allowed


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """As a mounted Secret changes: a symbolic link moves to a new folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(name)
    link = tmp_path / "now"
    link.symlink_to("one")
    tokens = TokenFiles([link / "token"])
    assert tokens.allows("Bearer one")
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(link)
    assert tokens.allows("Bearer two")
    assert not tokens.allows("Bearer one")


def test_a_file_that_is_missing_costs_the_others_nothing_and_may_come_later(tmp_path: Path) -> None:
    (here,) = files(tmp_path, a="first")
    later = tmp_path / "b"
    tokens = TokenFiles([later, here])
    assert tokens.allows("Bearer first")
    later.write_text("second")
    assert tokens.allows("Bearer second")


@pytest.mark.parametrize("content", ["", " \n", "x" * 5000])
def test_a_file_without_a_token_allows_nobody(tmp_path: Path, content: str) -> None:
    """An empty token must never equal an empty one."""
    tokens = TokenFiles(files(tmp_path, a=content))
    with pytest.raises(NoTokenError):
        tokens.allows(f"Bearer {content}")


def test_a_removed_file_is_not_remembered(tmp_path: Path) -> None:
    (path,) = files(tmp_path, a="first")
    tokens = TokenFiles([path])
    assert tokens.allows("Bearer first")
    path.unlink()
    with pytest.raises(NoTokenError):
        tokens.allows("Bearer first")
