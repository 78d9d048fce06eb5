r"""A dialogue with a simulated user: ask what is needed, hear badly now and then, and book.

The user wants one of four values in each of three slots. The model asks for a slot (`a`, `b` or `c`), and the user says its value, or
`?` where the question was not understood. After `!` the model books by writing three values. A question costs a little, and there is
room for a few only. What the user wants, and when a question is not understood, follows from a hash of the prompt's number: it is the
same for every completion of a prompt, and cannot be read from it.

With $u$ slots unknown and $t$ questions left, booking now, with a guess for what is unknown, is worth $B(u)$, and the best is worth

$$W(u, t) = \max\big(B(u),\; -p + (1-q)\,W(u-1, t-1) + q\,W(u, t-1)\big)$$

with $q$ the probability of not being understood and $p$ the price of a question.
"""

from functools import cache
from hashlib import blake2b

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.tokens import Alphabet

SLOTS, VALUES = "abc", "0123"
ALPHABET = Alphabet("0123456789#:abc?!")
BOOK = "!"
PASSES = 0.5


class DialogueConfig(Config):
    """How patient the user is, and how well understood."""

    n_questions: int = Hyper(
        5, low=1, high=8, unit=_("questions"), help=_("Questions there is room for: raising it makes success surer.")
    )
    misheard: float = Hyper(
        0.2, low=0, high=0.9, symbol="q", unit=_("probability"),
        help=_("Probability that a question is not understood: raising it makes more questions necessary."),
    )  # fmt: skip
    price: float = Hyper(
        0.02,
        low=0,
        high=0.06,  # so that a right booking earns more than PASSES, however many questions it took
        symbol="p",
        unit=_("reward"),
        help=_("Price of a question: raising it makes guessing less of a loss."),
    )


def hidden_draw(prompt: str, about: str) -> float:
    """Return a number from [0, 1) that belongs to a prompt and cannot be read from it."""
    return int.from_bytes(blake2b(f"{prompt}{about}".encode(), digest_size=4).digest()) / 2**32


def wish(prompt: str) -> str:
    """Return the three values that the user of a prompt wants."""
    return "".join(VALUES[int(hidden_draw(prompt, slot) * len(VALUES))] for slot in SLOTS)


def reply(prompt: str, said: str, misheard: float) -> str:
    """Return what the user says after `said`: a value or `?` to a question, else nothing."""
    if BOOK in said or len(said) % 2 == 0 or said[-1] not in SLOTS:
        return ""
    is_misheard = hidden_draw(prompt, f"question {len(said)}") < misheard
    return "?" if is_misheard else wish(prompt)[SLOTS.index(said[-1])]


def judge(prompt: str, completion: str, price: float, is_ended: bool) -> tuple[float, float, float]:
    """Return ½ · the share of right values, ½ where all are right, and what the questions cost."""
    talk, sign, booked = completion.partition(BOOK)
    questions = len(talk) / 2
    if not (sign and is_ended and len(booked) == len(SLOTS)):
        return 0.0, 0.0, -price * questions
    right = sum(one == other for one, other in zip(booked, wish(prompt), strict=True))
    return 0.5 * right / len(SLOTS), 0.5 * (right == len(SLOTS)), -price * questions


def demonstration(prompt: str, config: DialogueConfig, patience: int) -> str:
    """Return the dialogue of an agent that asks for what it does not know, up to `patience` times, and guesses the rest."""
    said, known = "", dict[str, str]()
    while len(known) < len(SLOTS) and len(said) < 2 * patience:
        slot = next(slot for slot in SLOTS if slot not in known)
        heard = reply(prompt, said + slot, config.misheard)
        said += slot + heard
        if heard != "?":
            known[slot] = heard
    return said + BOOK + "".join(known.get(slot, VALUES[0]) for slot in SLOTS)


def booking(unknown: int) -> float:
    """Return B: what booking is worth with so many slots unknown, each guessed.

    >>> booking(0), booking(3)
    (1.0, 0.1328125)
    """
    guess = 1 / len(VALUES)
    return 0.5 * (len(SLOTS) - unknown * (1 - guess)) / len(SLOTS) + 0.5 * float(guess**unknown)


@cache
def optimum(config: DialogueConfig) -> float:
    """Return the mean reward of the best there is."""

    @cache
    def worth(unknown: int, left: int) -> float:
        if not unknown or not left:
            return booking(unknown)
        q = config.misheard
        return max(
            booking(unknown), -config.price + (1 - q) * worth(unknown - 1, left - 1) + q * worth(unknown, left - 1)
        )

    return worth(len(SLOTS), config.n_questions)


@cache
def best_success(n_questions: int, misheard: float) -> float:
    """Return the highest probability of booking all three values rightly, whatever questions cost."""

    @cache
    def chance(unknown: int, left: int) -> float:
        if not unknown or not left:
            return float((1 / len(VALUES)) ** unknown)
        return (1 - misheard) * chance(unknown - 1, left - 1) + misheard * chance(unknown, left - 1)

    return chance(len(SLOTS), n_questions)


def make(config: DialogueConfig) -> LanguageTask:
    """Return the task."""
    most = config.n_questions
    return LanguageTask(
        id="dialogue",
        alphabet=ALPHABET,
        prompt_columns=6,
        completion_columns=2 * most + len(SLOTS) + 2,
        n_prompts=10_000,
        prompt=lambda number: f"#{number:04d}:",
        answer=lambda prompt: demonstration(prompt, config, most),
        document=lambda prompt, draw: demonstration(prompt, config, int(draw * (most + 1))),
        reward_parts=(_("values right"), _("booked as wished"), _("questions")),
        judge=lambda prompt, completion, is_ended: judge(prompt, completion, config.price, is_ended),
        reply=lambda prompt, said: reply(prompt, said, config.misheard),
        optimum=optimum(config),
        passes=PASSES,
    )


def references(config: DialogueConfig) -> tuple[Reference, ...]:
    """Return the optimum, and what guessing at once earns."""
    return (
        Reference(
            _("Optimum"),
            optimum(config),
            _(
                "exact, by dynamic programming over what is known and the questions left; whoever asks as often as there is room books all three rightly with probability {chance}"
            ).format(chance=f"{best_success(config.n_questions, config.misheard):.3f}"),
        ),
        Reference(_("Guessing at once"), booking(len(SLOTS)), _("exact: a quarter of each value")),
    )


SPEC = EnvironmentSpec(
    id="dialogue",
    name=_("Booking dialogue"),
    summary=_(
        "Ask a simulated user what is wanted, who does not always understand, and book it; each question costs a little."
    ),
    version=1,
    kind="language",
    config=DialogueConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("10,000 users, 19 tokens"),
    success=PASSES,
    references=references,
    source=_("a task of this playground"),
)
