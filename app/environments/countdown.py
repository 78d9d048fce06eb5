"""Countdown: reach a number with three others, each of them used once, `2,3,7:13=` → `7+3*2`.

Only + − × are allowed, and products come before sums. The reward is one tenth for an expression that can be read, three tenths for
one that uses the given numbers, each once, and six tenths for one that also comes to the target.
"""

from app.core.config import Config, Hyper
from app.core.errors import InvalidInput
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.tokens import Alphabet

ALPHABET = Alphabet("0123456789+-*,:=")
SIGNS = "+-*"
MOST = 99


class CountdownConfig(Config):
    """How large the given numbers are."""

    highest: int = Hyper(
        9, low=3, high=9, help=_("Largest of the three given numbers; raising it makes more targets possible.")
    )


def value_of(expression: str) -> int | None:
    """Return what an expression of digits and + − × comes to, products first; None where it cannot be read.

    >>> value_of("7+3*2"), value_of("2*3*4-1"), value_of("12"), value_of("+3"), value_of("")
    (13, 23, None, None, None)
    """
    numbers, signs = expression[::2], expression[1::2]
    if not numbers or len(numbers) != len(signs) + 1 or not numbers.isdecimal() or any(s not in SIGNS for s in signs):
        return None
    total, product, sign = 0, int(numbers[0]), 1
    for operation, digit in zip(signs, numbers[1:], strict=True):
        if operation == "*":
            product *= int(digit)
        else:
            total, product, sign = total + sign * product, int(digit), 1 if operation == "+" else -1
    return total + sign * product


def solution(number: int, highest: int) -> str:
    """Return the expression that the prompt of a number is made from: three digits and two signs, from 0 to 99."""
    first, second, third = (number // highest**place % highest + 1 for place in range(3))
    signs = number // highest**3
    for turn in range(9):
        one, other = SIGNS[(signs + turn) % 3], SIGNS[(signs + turn) // 3 % 3]
        text = f"{first}{one}{second}{other}{third}"
        if 0 <= (value_of(text) or 0) <= MOST:
            return text
    return f"{first}+{second}+{third}"


def write(number: int, highest: int) -> str:
    """Return the prompt of a number: the given numbers in ascending order, and the target."""
    expression = solution(number, highest)
    return ",".join(sorted(expression[::2])) + f":{value_of(expression)}="


def answer(prompt: str) -> str:
    """Return the first expression that reaches the target.

    >>> answer("2,3,7:13=")
    '2*3+7'
    """
    given, target = prompt[:-1].split(":")
    one, two, three = given.split(",")
    orders = (
        (one, two, three),
        (one, three, two),
        (two, three, one),
        (two, one, three),
        (three, one, two),
        (three, two, one),
    )
    for a, b, c in orders:
        for first in SIGNS:
            for second in SIGNS:
                text = f"{a}{first}{b}{second}{c}"
                if value_of(text) == int(target):
                    return text
    raise InvalidInput.one(
        "prompt", prompt, _("has a target that its numbers do not reach"), _("Choose another target.")
    )


def judge(prompt: str, completion: str, is_ended: bool) -> tuple[float, float, float]:
    """Return .1 for an expression that can be read, .3 for one that uses each number once, .6 for one that reaches the target.

    >>> judge("2,3,7:13=", "7+3*2", True), judge("2,3,7:13=", "7+3", True), judge("2,3,7:13=", "7+", True)
    ((0.1, 0.3, 0.6), (0.1, 0.0, 0.0), (0.0, 0.0, 0.0))
    """
    given, target = prompt[:-1].split(":")
    value = value_of(completion) if is_ended else None
    uses_all = value is not None and sorted(completion[::2]) == given.split(",")
    return 0.1 * (value is not None), 0.3 * uses_all, 0.6 * (uses_all and value == int(target))


def document(prompt: str, draw: float) -> str:
    """Return what one of three authors writes after a prompt: a solution, the numbers added, or the numbers multiplied."""
    given = prompt.split(":")[0]
    texts = (answer(prompt), given.replace(",", "+"), given.replace(",", "*"))
    return texts[int(draw * len(texts))]


def make(config: CountdownConfig) -> LanguageTask:
    """Return the task."""
    return LanguageTask(
        id="countdown",
        alphabet=ALPHABET,
        prompt_columns=9,
        completion_columns=6,
        n_prompts=9 * config.highest**3,
        prompt=lambda number: write(number, config.highest),
        answer=answer,
        document=document,
        reward_parts=(_("readable"), _("numbers used once"), _("target reached")),
        judge=judge,
        passes=0.999,
    )


def references(config: CountdownConfig) -> tuple[Reference, ...]:
    """Return the optimum."""
    return (Reference(_("Optimum"), 1.0, _("exact: every prompt is made from a solution")),)


SPEC = EnvironmentSpec(
    id="countdown",
    name=_("Countdown"),
    summary=_("Reach a number with three given ones and + − ×: easy to check, hard to find."),
    version=1,
    kind="language",
    config=CountdownConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("1,345 puzzles, 18 tokens"),
    threshold=0.95,
    success=0.999,
    references=references,
    source=_("after the television game and TinyZero (Pan et al., 2025)"),
)
