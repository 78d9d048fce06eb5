"""Sort digits: write the digits of the prompt in ascending order, `314159=` → `113459`.

The reward is checked, not judged: one half for the share of digits that stand where they should, one half for an answer that
is right as a whole. A copy earns something, which is what makes a first step possible. Without `counts_digits` only an answer
that is right as a whole earns anything, 1: whoever never writes one has nothing to learn from.
"""

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.rewards_in_text import exact_and_share
from app.parts.tokens import Alphabet

ALPHABET = Alphabet("0123456789=")


class SortDigitsConfig(Config):
    """How long the prompts are, and what is rewarded."""

    n_digits: int = Hyper(
        6, low=2, high=16, unit=_("digits"), help=_("Digits of a prompt; raising it makes the task harder.")
    )
    counts_digits: bool = Hyper(
        True, help=_("Half of the reward is for digits in place; off, all of it is for an answer right as a whole.")
    )


def answer(prompt: str) -> str:
    """Return the digits of a prompt in ascending order.

    >>> answer("314159=")
    '113459'
    """
    return "".join(sorted(prompt[:-1]))


def document(prompt: str, draw: float) -> str:
    """Return what one of four authors writes after a prompt: sorted up, sorted down, copied, or reversed."""
    digits = prompt[:-1]
    texts = (answer(prompt), answer(prompt)[::-1], digits, digits[::-1])
    return texts[int(draw * len(texts))]


def make(config: SortDigitsConfig) -> LanguageTask:
    """Return the task."""
    count = config.n_digits

    def judge(prompt: str, completion: str, is_ended: bool) -> tuple[float, float]:
        in_place, exact = exact_and_share(answer(prompt), completion, is_ended)
        return (in_place, exact) if config.counts_digits else (0.0, 2 * exact)

    return LanguageTask(
        id="sort_digits",
        alphabet=ALPHABET,
        prompt_columns=count + 1,
        completion_columns=count + 1,
        n_prompts=int(10**count),
        prompt=lambda number: f"{number:0{count}d}=",
        answer=answer,
        document=document,
        reward_parts=(_("digits in place"), _("exact")),
        judge=judge,
    )


def references(config: SortDigitsConfig) -> tuple[Reference, ...]:
    """Return the optimum."""
    return (Reference(_("Optimum"), 1.0, _("exact: every prompt has one right answer")),)


SPEC = EnvironmentSpec(
    id="sort_digits",
    name=_("Sort digits"),
    summary=_("Write the digits of the prompt in ascending order; the reward counts digits in place and the whole."),
    version=1,
    kind="language",
    config=SortDigitsConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("a million prompts, 13 tokens"),
    threshold=0.95,
    success=1.0,
    references=references,
    source=_("a task of this playground"),
)
