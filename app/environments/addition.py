"""Addition: the sum of two numbers, `27+85=` → `112`.

A digit of the sum depends on a carry that is not written anywhere. With the last digit first, `211`, each step needs only what was
written just before; in the usual order the first digit needs all of them at once, and a weak start rarely hits on it.
"""

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.rewards_in_text import exact_and_share
from app.parts.tokens import Alphabet

ALPHABET = Alphabet("0123456789+=")


class AdditionConfig(Config):
    """How long the numbers are, and in which order the sum is written."""

    n_digits: int = Hyper(
        2, low=1, high=4, unit=_("digits"), help=_("Digits of each number; raising it makes the task harder.")
    )
    last_first: bool = Hyper(
        False, help=_("Write the sum from its last digit to its first, so that a carry is never far.")
    )


def answer(prompt: str, last_first: bool = False) -> str:
    """Return the sum with one digit more than each number has.

    >>> answer("27+85="), answer("27+85=", True), answer("01+02=")
    ('112', '211', '003')
    """
    one, other = prompt[:-1].split("+")
    total = f"{int(one) + int(other):0{len(one) + 1}d}"
    return total[::-1] if last_first else total


def document(prompt: str, draw: float, last_first: bool = False) -> str:
    """Return what one of four authors writes after a prompt: the sum, the sum without carries, or one of the numbers."""
    one, other = prompt[:-1].split("+")
    loose = "0" + "".join(str((int(a) + int(b)) % 10) for a, b in zip(one, other, strict=True))
    texts = (answer(prompt), loose, f"0{one}", f"0{other}")
    text = texts[int(draw * len(texts))]
    return text[::-1] if last_first else text


def make(config: AdditionConfig) -> LanguageTask:
    """Return the task."""
    count, last_first = config.n_digits, config.last_first
    base = 10**count
    return LanguageTask(
        id="addition",
        alphabet=ALPHABET,
        prompt_columns=2 * count + 2,
        completion_columns=count + 2,
        n_prompts=base * base,
        prompt=lambda number: f"{number // base:0{count}d}+{number % base:0{count}d}=",
        answer=lambda prompt: answer(prompt, last_first),
        document=lambda prompt, draw: document(prompt, draw, last_first),
        reward_parts=(_("digits in place"), _("exact")),
        judge=lambda prompt, completion, is_ended: exact_and_share(answer(prompt, last_first), completion, is_ended),
    )


def references(config: AdditionConfig) -> tuple[Reference, ...]:
    """Return the optimum."""
    return (Reference(_("Optimum"), 1.0, _("exact: every prompt has one right answer")),)


SPEC = EnvironmentSpec(
    id="addition",
    name=_("Addition"),
    summary=_("Write the sum of two numbers; the reward counts digits in place and the whole."),
    version=1,
    kind="language",
    config=AdditionConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("10,000 prompts, 14 tokens"),
    threshold=0.95,
    success=1.0,
    references=references,
    source=_("a task of this playground"),
)
