"""The word list: which texts are prose, and that the baseline only shrinks."""

from pathlib import Path

import pytest

from docs.prose import BASELINE, INSTEAD, Hit, hits_in_markdown, hits_in_python, hits_in_test, main, read_baseline, scan

MODULE = '''"""Is told
what is
there."""

told = 1  # nobody reads this
said = {"goes with": f"{told} looks"}
'''


def test_docstrings_comments_and_strings_are_prose_and_identifiers_are_not() -> None:
    found = [(hit.line, hit.words) for hit in hits_in_python(MODULE)]
    assert found == [(1, "told"), (2, "what is there"), (5, "nobody"), (6, "goes with"), (6, "looks")]


def test_of_a_test_docstrings_comments_and_the_name_are_prose_and_other_strings_are_data() -> None:
    source = 'async def test_nobody_looks() -> None:\n    """Is told."""\n    said = "others"  # amiss\n'
    assert [(hit.line, hit.words) for hit in hits_in_test(source)] == [(1, "looks"), (1, "nobody"), (2, "told"), (3, "amiss")]


def test_code_in_a_document_is_no_prose_and_lines_are_counted_from_the_top() -> None:
    document = "# A\n`test_nobody_told` and `told`\n```\nlooks\n```\nIt looks\nby itself, look up.\n"
    assert hits_in_markdown(document) == [Hit(6, "looks"), Hit(7, "by itself")]


@pytest.mark.parametrize("words", ["Told", "for\nlife", "Looking", "comes along", "others", "let go of"])
def test_every_phrase_has_a_replacement(words: str) -> None:
    [hit] = hits_in_markdown(words)
    assert hit.instead in INSTEAD.values()


@pytest.mark.parametrize("words", ["looked up", "lookup", "brothers", "online", "in lines"])
def test_a_phrase_inside_another_word_is_allowed(words: str) -> None:
    assert hits_in_markdown(words) == []


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three banned words in a module and one in a document, all in the baseline."""
    (tmp_path / "operator").mkdir()
    (tmp_path / "docs/reference").mkdir(parents=True)
    (tmp_path / "operator/module.py").write_text('"""Told, told, told."""\n')
    (tmp_path / "README.md").write_text("Nobody.\n")
    (tmp_path / "docs/reference/errors.md").write_text("Told.\n")
    assert main(["--accept", "--root", str(tmp_path)]) == 0
    return tmp_path


def test_the_sandbox_and_the_tests_are_checked(repository: Path) -> None:
    for folder in ("sandbox", "tests"):
        (repository / folder).mkdir()
        (repository / folder / "module.py").write_text("# amiss\nname = 'told'\n")
    found = scan(repository)
    assert [len(found[f"{folder}/module.py"]) for folder in ("sandbox", "tests")] == [2, 1]


def test_the_baseline_counts_each_file_but_generated_pages(repository: Path) -> None:
    assert read_baseline(repository) == {"operator/module.py": 3, "README.md": 1}
    assert main(["--root", str(repository)]) == 0


def test_one_more_banned_word_fails_and_names_its_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "README.md").write_text("Nobody.\n\nAmiss.\n")
    assert main(["--root", str(repository)]) == 1
    assert "README.md:3: 'Amiss'" in capsys.readouterr().out


def test_a_new_file_may_have_none(repository: Path) -> None:
    (repository / "CONTRIBUTING.md").write_text("Amiss.\n")
    assert main(["--root", str(repository)]) == 1
    assert main(["--tighten", "--root", str(repository)]) == 1
    assert main(["--accept", "--root", str(repository)]) == 0


def test_fewer_banned_words_fail_until_the_baseline_is_tightened(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "operator/module.py").write_text('"""Told."""\n')
    (repository / "README.md").unlink()
    assert main(["--root", str(repository)]) == 1
    assert "make docs" in capsys.readouterr().out
    assert main(["--tighten", "--root", str(repository)]) == 0
    assert read_baseline(repository) == {"operator/module.py": 1}
    assert main(["--root", str(repository)]) == 0


def test_tightening_raises_no_count(repository: Path) -> None:
    before = (repository / BASELINE).read_text()
    (repository / "README.md").write_text("Nobody. Nobody.\n")
    assert main(["--tighten", "--root", str(repository)]) == 1
    assert (repository / BASELINE).read_text() == before


def test_files_without_banned_words_are_left_out(repository: Path) -> None:
    (repository / "README.md").write_text("Plain.\n")
    assert set(scan(repository)) == {"operator/module.py"}
