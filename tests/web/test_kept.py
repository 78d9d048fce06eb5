"""Answers are kept until what they tell changes, and not beyond their bound."""

from app.web.kept import Body, KeptBodies


def test_an_answer_is_made_once_for_each_version() -> None:
    kept, made = KeptBodies(), []

    def make() -> Body:
        made.append(1)
        return Body(str(len(made)).encode(), "tag")

    assert [kept.get("a", version, make).content for version in (1, 1, 2, 2, 1)] == [b"1", b"1", b"2", b"2", b"3"]


def test_the_oldest_answers_give_way_and_a_huge_one_is_not_kept() -> None:
    kept, made = KeptBodies(limit_bytes=10), []

    def ask(key: str, size: int) -> None:
        def make() -> Body:
            made.append(key)
            return Body(b"x" * size, "")

        kept.get(key, 1, make)

    for key, size in (("a", 4), ("b", 4), ("a", 4), ("c", 4), ("a", 4), ("b", 4), ("huge", 11), ("huge", 11)):
        ask(key, size)
    assert made == ["a", "b", "c", "b", "huge", "huge"]
