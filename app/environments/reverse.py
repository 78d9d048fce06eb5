"""Reverse: write the letters of the prompt from the last to the first, `abcdef>` → `fedcba`; or copy them.

Each character of the answer stands in the prompt, at a place that depends on its own: what attention is for.
"""

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.rewards_in_text import exact_and_share
from app.parts.tokens import Alphabet

LETTERS = "abcdefghij"
ALPHABET = Alphabet(LETTERS + ">")


class ReverseConfig(Config):
    """How long the prompts are, and what is asked."""

    n_letters: int = Hyper(
        6, low=2, high=12, unit=_("letters"), help=_("Letters of a prompt; raising it makes the task harder.")
    )
    order: str = Hyper(
        "reversed",
        choices=("reversed", "copied"),
        help=_("Whether the letters are to be reversed or copied as they are."),
    )


def answer(prompt: str, order: str = "reversed") -> str:
    """Return the letters of a prompt in the order that is asked for.

    >>> answer("abc>"), answer("abc>", "copied")
    ('cba', 'abc')
    """
    return prompt[-2::-1] if order == "reversed" else prompt[:-1]


def document(prompt: str, draw: float) -> str:
    """Return what one of three authors writes after a prompt: the letters reversed, copied, or sorted."""
    letters = prompt[:-1]
    texts = (letters[::-1], letters, "".join(sorted(letters)))
    return texts[int(draw * len(texts))]


def make(config: ReverseConfig) -> LanguageTask:
    """Return the task."""
    count, order = config.n_letters, config.order
    return LanguageTask(
        id="reverse",
        alphabet=ALPHABET,
        prompt_columns=count + 1,
        completion_columns=count + 1,
        n_prompts=int(10**count),
        prompt=lambda number: "".join(LETTERS[int(digit)] for digit in f"{number:0{count}d}") + ">",
        answer=lambda prompt: answer(prompt, order),
        document=document,
        reward_parts=(_("letters in place"), _("exact")),
        judge=lambda prompt, completion, is_ended: exact_and_share(answer(prompt, order), completion, is_ended),
    )


def references(config: ReverseConfig) -> tuple[Reference, ...]:
    """Return the optimum."""
    return (Reference(_("Optimum"), 1.0, _("exact: every prompt has one right answer")),)


SPEC = EnvironmentSpec(
    id="reverse",
    name=_("Reverse letters"),
    summary=_(
        "Write the letters of the prompt backwards, or copy them; the reward counts letters in place and the whole."
    ),
    version=1,
    kind="language",
    config=ReverseConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("a million prompts, 13 tokens"),
    threshold=0.95,
    success=1.0,
    references=references,
    source=_("a task of this playground"),
)
