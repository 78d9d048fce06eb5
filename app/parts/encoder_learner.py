r"""What an agent that encodes its observations consists of: encoder and decoder, random behaviour, what is read off the codes.

The loss and its gradient stand in the algorithm's file. The encoder's outputs are means and log variances of Z numbers, the
decoder's a whole observation; both see and say observations with their mean taken off and divided by their deviation. The
logarithm of the decoder's deviation s is the first of all parameters.

B batch, K steps or points, D observation size, Z numbers of a code.
"""

from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.contracts import Problem, Tree
from app.core.randomness import Stream
from app.core.scalars import Scalar
from app.core.signals import Signal
from app.core.text import _
from app.parts.experience import (
    EXPERIENCE_SCALARS,
    EXPERIENCE_SIGNALS,
    ExperienceConfig,
    ExperienceLearner,
)
from app.parts.networks import Networks, Shape, hidden_sizes
from app.parts.optimisers import Adam

Array = NDArray[Any]
POINTS = 1_000  # observations on the map
JUDGED, DRAWS = 128, 64  # observations whose evidence is estimated, and draws for each
REST = 0.1  # a truncated episode counts where its cut is discounted at most this much
STRETCH = 60  # steps of a course in a picture

ENCODER_SCALARS = (
    *EXPERIENCE_SCALARS, "train/loss", "train/elbo", "train/reconstruction", "train/latent_kl", "train/active_latents",
    "train/decoder_std", "train/reconstruction_error", "model/log_evidence", "model/bound_gap", "model/return_explained",
)  # fmt: skip
ENCODER_SIGNALS = (*EXPERIENCE_SIGNALS, "latent", "reconstructed")
OWN_SCALARS = (
    Scalar("train/elbo", _("Evidence bound"), _("nats"), "up", _("Lower bound of the log-density of an observation; rising means that the code explains more at a lower price.")),
    Scalar("train/reconstruction", _("Reconstruction"), _("nats"), "up", _("Log-density of the observation given its code: the first part of the bound.")),
    Scalar("train/latent_kl", _("Price of the code"), _("nats"), "neither", _("How much more the encoder says than the prior: the second part of the bound; 0 means that the code says nothing.")),
    Scalar("train/active_latents", _("Numbers in use"), "", "neither", _("Numbers of the code that say more than 0.1 nats; fewer than there are means that the others are not needed, or collapsed.")),
    Scalar("train/decoder_std", _("Deviation of the decoder"), _("deviations"), "down", _("What the decoder leaves unexplained, in deviations of the observation; near 1 the code explains nothing.")),
    Scalar("train/reconstruction_error", _("Reconstruction error"), _("deviations"), "down", _("Root mean square distance of the decoded observation to the true one.")),
    Scalar("model/log_evidence", _("Log evidence"), _("nats"), "up", _("A tighter bound of the log-density, by the mean over 64 draws, over recent observations.")),
    Scalar("model/bound_gap", _("Gap of the bound"), _("nats"), "down", _("How far the tighter bound lies above the plain one; rising means that the encoder's Gaussian fits the true posterior less well.")),
    Scalar("model/return_explained", _("Returns explained"), _("share"), "up", _("Share of the variance of the returns that followed which a quadratic function of the code explains; the code never saw them.")),
)  # fmt: skip
OWN_SIGNALS = (
    Signal("latent", "(K, 2 Z + 1)", "mixed", _("Mean and deviation of the code of observations in the replay buffer, and the discounted return that followed.")),
    Signal("reconstructed", "(2, K + 1, D)", "mixed", _("A stretch of newest experience as it was, and as it is decoded from the mean of its code.")),
)  # fmt: skip


class EncoderConfig(ExperienceConfig):
    """The hyperparameters of encoding what random behaviour sees."""

    # fmt: off
    latent_size: int = Hyper(2, low=1, high=32, unit=_("numbers"), symbol="Z", settled=True,
        help=_("Numbers of the code: raising it keeps more of the observation; 2 can be drawn as a map."))
    linear: bool = Hyper(False, settled=True,
        help=_("Encoder and decoder without hidden layers, which learn the principal components."))
    persistence: float = Hyper(0.5, low=0, high=1, unit=_("probability"), live="step",
        help=_("Probability of repeating the last action: raising it goes further from where episodes start."))
    gamma: float = Hyper(0.98, low=0, high=1, symbol=r"\gamma", live="step", advanced=True,
        help=_("Discount of the returns laid over the map: raising it colours by what happens later. Learning does not see it."))
    # fmt: on


class EncoderLearner(ExperienceLearner):
    """An encoder and a decoder, and what is read off the codes."""

    saved = (*ExperienceLearner.saved, "optimiser")
    counters = {**ExperienceLearner.counters, "codes_drawn": "code_random"}
    config: Any
    log_evidence: Callable[[Array, Array], Array]
    differentiate: Callable[[Array, Array], dict[str, float]]

    def __init__(self, config: Any, problem: Problem) -> None:
        super().__init__(config, problem)
        hidden = () if config.linear else hidden_sizes(config.net_arch)
        encoder = Shape((self.size, *hidden, 2 * config.latent_size), "tanh")
        decoder = Shape((config.latent_size, *hidden[::-1], self.size), "tanh")
        self.networks = Networks(encoder, decoder, free=1)
        self.networks.initialise(problem.stream("initialisation"))
        self.encoder, self.decoder = self.networks.mlps
        self.optimiser = Adam(self.networks)
        self.code_random = problem.stream("codes")
        self.last = np.zeros((config.n_envs, self.n_actions), np.float32)

    def behave(self, observations: Array, random: Stream) -> Array:
        """Return random actions (B, A) as rows, each the last one of its environment with the probability of repeating."""
        drawn = self.random_rows(len(observations), random)
        repeats = random.uniforms(len(observations), 1) < self.config.persistence
        has_last = len(observations) == len(self.last) and bool(self.last.any())
        return np.where(repeats & has_last, self.last, drawn) if has_last else drawn

    def notice(self, rows: Array, step: Any) -> None:
        """Take a step into the running moments and remember what was done."""
        super().notice(rows, step)
        self.last = rows.copy()

    def act(self, observations: Array, greedy: bool, random: Stream | None = None) -> Array:
        """Return random actions: it has learned none. Greedy ones are drawn by what is seen, so that they can be repeated."""
        if not greedy and random is not None:
            return self.actions(self.random_rows(len(observations), random))
        rows = np.ascontiguousarray(observations, np.float32)
        return self.actions(np.concatenate([self.random_rows(1, Stream(crc32(row.tobytes()), "seen")) for row in rows]))

    def mean_code(self, observations: Array) -> tuple[Array, Array]:
        """Return mean and deviation of the code (B, Z) of observations (B, D)."""
        means, log_variances = np.split(self.encoder.forward(self.scaled(observations)), 2, axis=1)
        return means, np.exp(0.5 * log_variances)

    def decoded(self, codes: Array) -> Array:
        """Return the observations (B, D) that codes (B, Z) stand for."""
        return self.unscaled(self.decoder.forward(codes.astype(np.float32)))

    def latent(self) -> Array:
        """Return mean and deviation of the codes of replayed observations, and the returns that followed (K, 2 Z + 1).

        Where an episode was truncated, only steps count from which the cut is discounted to at most `REST`; nothing stands for
        what would have followed.
        """
        size = self.replay.size
        rows = self.replay.newest(size)[:: -max(1, -(-size // (2 * POINTS)))] if size else np.zeros(0, np.int64)
        after = self.replay.follow(rows, max(1, size), self.config.gamma)
        is_known = after.is_whole & ((self.replay.terminated[after.last] > 0) | (after.discounts <= REST))
        known = np.flatnonzero(is_known)[:POINTS]
        means, deviations = self.mean_code(self.replay.observations[rows[known]])
        return np.concatenate([means, deviations, after.rewards[known][:, None]], axis=1).astype(np.float64)

    def reconstructed(self) -> Array:
        """Return the newest stretch of experience as it was and as it is decoded (2, K + 1, D)."""
        rows = self.newest_stretch(STRETCH)
        if not len(rows):
            return np.zeros((2, 0, self.size))
        real = np.concatenate([self.replay.observations[rows[:1]], self.replay.next_observations[rows]])
        return np.stack([real.astype(np.float64), self.decoded(self.mean_code(real)[0])])

    def diagnostics(self) -> dict[str, float]:
        """Return the evidence of recent observations, how loose the bound is, and what the code tells of returns."""
        if not self.replay.size:
            return {}
        rows = self.replay.newest(10 * JUDGED)[:: -max(1, min(self.replay.size, 10 * JUDGED) // JUDGED)]
        x = self.scaled(self.replay.observations[rows])
        noise = Stream(0, "evidence").normals(DRAWS, len(x), self.config.latent_size)
        whole = float(self.log_evidence(x, noise).mean())
        single = float(np.mean([self.log_evidence(x, one[None]).mean() for one in noise]))
        found = {"model/log_evidence": whole, "model/bound_gap": whole - single}
        share = explained_share(self.latent(), self.config.latent_size)
        return found if share is None else {**found, "model/return_explained": share}

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        return {**super().signals(), "latent": self.latent, "reconstructed": self.reconstructed}

    def state(self) -> Tree:
        """Return everything that decides the future, the replay buffer included."""
        return super().state() | {"last": self.last.copy()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        super().load(tree)
        self.last = tree["last"].copy()


def explained_share(latent: Array, latent_size: int) -> float | None:
    """Return the share of the returns' variance that a least-squares quadratic of the code's means explains.

    None where there are too few points, or returns that are all the same, to tell.
    """
    codes, returns = latent[:, :latent_size], latent[:, -1]
    columns = [
        np.ones(len(codes)),
        *codes.T,
        *(codes[:, i] * codes[:, j] for i in range(latent_size) for j in range(i + 1)),
    ]
    if len(codes) < 3 * len(columns) or not returns.std():
        return None
    design = np.stack(columns, axis=1)
    fitted = design @ np.linalg.lstsq(design, returns, rcond=None)[0]
    return float(1 - np.square(returns - fitted).mean() / returns.var())
