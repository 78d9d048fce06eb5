"""The task of sorting digits."""

from app.environments.sort_digits import SPEC, SortDigitsConfig, answer, document, make


def test_the_answer_is_sorted_and_earns_the_optimum() -> None:
    task = make(SortDigitsConfig())
    for number in (0, 314159, 999_999):
        prompt = task.prompt(number)
        assert len(prompt) == task.prompt_columns
        assert sum(task.judge(prompt, answer(prompt), True)) == task.optimum
    assert answer("314159=") == "113459"


def test_only_the_whole_may_count() -> None:
    by_digit, whole = make(SortDigitsConfig()), make(SortDigitsConfig(counts_digits=False))
    assert by_digit.judge("314159=", "113495", True) == (0.5 * 4 / 6, 0.0)
    assert whole.judge("314159=", "113495", True) == (0.0, 0.0)
    assert whole.judge("314159=", "113459", False) == (0.0, 0.0)
    assert whole.judge("314159=", "113459", True) == (0.0, whole.optimum)


def test_one_author_in_four_sorts() -> None:
    assert [document("312=", draw) for draw in (0.0, 0.25, 0.5, 0.99)] == ["123", "321", "312", "213"]


def test_every_character_has_a_sign() -> None:
    assert len(SPEC.actions) == make(SortDigitsConfig()).n_actions
