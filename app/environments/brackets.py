"""Balanced brackets: close what the prompt opens, `([{=` → `}])`, and open nothing that stays open.

Many completions are right, for pairs of brackets may be added on the way. The reward is one half for the share of the prompt's
brackets that are closed before the first mistake, one half where everything is balanced at the end.
"""

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.tokens import Alphabet

CLOSING = {"(": ")", "[": "]", "{": "}"}
OPENING = "".join(CLOSING)
ALPHABET = Alphabet("()[]{}=")
SPARE = 2  # tokens beyond the shortest right answer


class BracketsConfig(Config):
    """How deep the prompts are."""

    n_brackets: int = Hyper(
        5, low=4, high=10, unit=_("brackets"), help=_("Brackets that a prompt opens; raising it makes the task harder.")
    )


def answer(prompt: str) -> str:
    """Return the shortest right answer.

    >>> answer("([{=")
    '}])'
    """
    return "".join(CLOSING[bracket] for bracket in reversed(prompt[:-1]))


def judge(prompt: str, completion: str, is_ended: bool) -> tuple[float, float]:
    """Return ½ · the share of the prompt's brackets that were closed before the first mistake, and ½ where all is balanced.

    >>> judge("([=", "])", True), judge("([=", "()])", True), judge("([=", "]]", True), judge("([=", "])", False)
    ((0.5, 0.5), (0.5, 0.5), (0.25, 0.0), (0.5, 0.0))
    """
    opened = list(prompt[:-1])
    fewest = count = len(opened)
    for letter in completion:
        if letter in CLOSING:
            opened.append(letter)
        elif opened and letter == CLOSING[opened[-1]]:
            opened.pop()
            fewest = min(fewest, len(opened))
        else:
            return 0.5 * (count - fewest) / count, 0.0
    return 0.5 * (count - fewest) / count, 0.5 * (not opened and is_ended)


def document(prompt: str, draw: float) -> str:
    """Return what one of three authors writes after a prompt: the closing brackets in the right order, in the wrong one, or opening ones."""
    texts = (answer(prompt), answer(prompt)[::-1], prompt[:-1])
    return texts[int(draw * len(texts))]


def write(number: int, count: int) -> str:
    """Return the prompt of a number: its digits to base 3 as opening brackets.

    >>> write(5, 3)
    '([{='
    """
    return "".join(OPENING[number // 3**place % 3] for place in reversed(range(count))) + "="


def make(config: BracketsConfig) -> LanguageTask:
    """Return the task."""
    count = config.n_brackets
    return LanguageTask(
        id="brackets",
        alphabet=ALPHABET,
        prompt_columns=count + 1,
        completion_columns=count + 1 + SPARE,
        n_prompts=3**count,
        prompt=lambda number: write(number, count),
        answer=answer,
        document=document,
        reward_parts=(_("brackets closed"), _("balanced")),
        judge=judge,
    )


def references(config: BracketsConfig) -> tuple[Reference, ...]:
    """Return the optimum."""
    return (Reference(_("Optimum"), 1.0, _("exact: every prompt can be balanced")),)


SPEC = EnvironmentSpec(
    id="brackets",
    name=_("Balanced brackets"),
    summary=_("Close every bracket that the prompt opens, in the right order; many completions are right."),
    version=1,
    kind="language",
    config=BracketsConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("243 prompts, 9 tokens"),
    threshold=0.95,
    success=1.0,
    references=references,
    source=_("a task of this playground"),
)
