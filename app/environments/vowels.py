"""More vowels: continue three letters with eight letters, as many of them vowels as can be.

Nobody can show right answers, there are too many: there is only a reward, the share of vowels among eight letters. A pre-trained
model writes letters of all sorts; what reinforcement makes of it is its own.
"""

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.language_task import LanguageTask
from app.parts.tokens import Alphabet

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOWELS = frozenset("aeiou")
ALPHABET = Alphabet(LETTERS + ":")
PROMPT_LETTERS = 3
PASSES = 0.9


class VowelsConfig(Config):
    """How long the completions are."""

    n_letters: int = Hyper(
        8,
        low=2,
        high=16,
        unit=_("letters"),
        help=_("Letters to write; raising it makes an answer of vowels alone rarer."),
    )


def share_of_vowels(completion: str, count: int) -> float:
    """Return the vowels of a completion as a share of `count` letters; what is missing counts as none.

    >>> share_of_vowels("aebc", 4), share_of_vowels("ae", 4), share_of_vowels("aeiouaeiou", 4)
    (0.5, 0.5, 1.0)
    """
    return sum(letter in VOWELS for letter in completion[:count]) / count


def document(draw: float, count: int) -> str:
    """Return letters of all sorts, evenly drawn: those of a congruential sequence that the draw begins."""
    number, letters = int(draw * 2**32), []
    for _letter in range(count):
        number = (number * 6364136223846793005 + 1442695040888963407) % 2**64
        letters.append(LETTERS[(number >> 33) % len(LETTERS)])
    return "".join(letters)


def make(config: VowelsConfig) -> LanguageTask:
    """Return the task."""
    count = config.n_letters
    return LanguageTask(
        id="vowels",
        alphabet=ALPHABET,
        prompt_columns=PROMPT_LETTERS + 1,
        completion_columns=count + 1,
        n_prompts=len(LETTERS) ** PROMPT_LETTERS,
        prompt=lambda number: "".join(LETTERS[number // 26**place % 26] for place in range(PROMPT_LETTERS)) + ":",
        answer=None,
        document=lambda prompt, draw: document(draw, count),
        reward_parts=(_("vowels"),),
        judge=lambda prompt, completion, is_ended: (share_of_vowels(completion, count),),
        passes=PASSES,
    )


def references(config: VowelsConfig) -> tuple[Reference, ...]:
    """Return the optimum, and what letters of all sorts earn."""
    return (
        Reference(_("Optimum"), 1.0, _("exact: vowels alone")),
        Reference(_("All letters alike"), len(VOWELS) / len(LETTERS), _("exact: 5 letters of 26 are vowels")),
    )


SPEC = EnvironmentSpec(
    id="vowels",
    name=_("More vowels"),
    summary=_("Write eight letters, as many of them vowels as can be: a reward without any right answer to imitate."),
    version=1,
    kind="language",
    config=VowelsConfig,
    make=make,
    actions=tuple(ALPHABET.signs()),
    drawing="numbers",
    size=_("17,576 prompts, 29 tokens"),
    threshold=0.95,
    success=PASSES,
    references=references,
    source=_("a task of this playground"),
)
