"""The author of the attacks has exactly the rights of authors."""

from tests.security.conftest import Author


def test_an_author_reads_nothing_in_another_namespace(author: Author) -> None:
    assert "forbidden" in author.kubectl("get", "secrets", "-n", "platforms", check=False)
    assert "forbidden" in author.kubectl("get", "nbp", "-n", "platforms", check=False)
    assert author.kubectl("get", "nbp").strip() == ""
