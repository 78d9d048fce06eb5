r"""Variational autoencoder of observations (VAE).

It learns no policy. It acts at random, and learns from what it sees which few numbers tell an observation from the others: a
map of the world on which a policy, a value or a plan could be drawn. Whether that map knows what matters can be seen from
the returns laid over it, which the learning never saw.

An observation x, with its mean taken off and divided by its deviation, is thought to come from Z hidden numbers z, drawn
from a standard normal, through a decoder with noise of one deviation s for all numbers:

$$p(z) = \mathcal N(0, I), \qquad p_\theta(x \mid z) = \mathcal N\big(\hat x_\theta(z),\, s^2 I\big) \tag{1}$$

Which z an observation came from is guessed by an encoder, and drawn so that the guess can be differentiated:

$$q_\phi(z \mid x) = \mathcal N\big(\mu_\phi(x),\, \mathrm{diag}\,\sigma_\phi^2(x)\big), \qquad z = \mu + \sigma\,\xi, \quad \xi \sim \mathcal N(0, I) \tag{2}$$

What is maximised is a lower bound of log p(x), the evidence: how well the drawn z explains x, less how much more the encoder
says than the prior:

$$\mathrm{ELBO}(x) = \mathbb{E}_q\big[\log p_\theta(x \mid z)\big] - \mathrm{KL}\big(q_\phi(z \mid x) \,\|\, p(z)\big) \le \log p(x) \tag{3}$$

$$\log p_\theta(x \mid z) = -\frac{\|x - \hat x\|^2}{2 s^2} - D \log s - \tfrac{D}{2} \log 2\pi \tag{4}$$

$$\mathrm{KL} = \tfrac12 \sum_{k=1}^Z \big(\mu_k^2 + \sigma_k^2 - 1 - \log \sigma_k^2\big) \tag{5}$$

With a weight β on the second part (1 is the bound), the loss is

$$L = -\mathbb{E}_q\big[\log p_\theta(x \mid z)\big] + \beta\,\mathrm{KL}\big(q_\phi(z \mid x) \,\|\, p(z)\big) \tag{6}$$

and its slopes are, with $g = \partial L / \partial z$ from the decoder:

$$\frac{\partial L}{\partial \hat x} = \frac{\hat x - x}{s^2}, \qquad \frac{\partial L}{\partial \mu} = g + \beta \mu, \qquad \frac{\partial L}{\partial \log \sigma^2} = \tfrac12\big(g \odot \sigma \xi + \beta\,(\sigma^2 - 1)\big), \qquad \frac{\partial L}{\partial \log s} = D - \frac{\|x - \hat x\|^2}{s^2} \tag{7}$$

How loose the bound is can be seen by one that is tighter, the mean over K draws before the logarithm:

$$\log p(x) \ge \mathbb{E}\Big[\log \frac1K \sum_{j=1}^K \frac{p_\theta(x \mid z_j)\,p(z_j)}{q_\phi(z_j \mid x)}\Big] \ge \mathrm{ELBO}(x) \tag{8}$$

Without hidden layers (`linear`) the best it can do is known: probabilistic principal component analysis, the first Z principal
directions with s² the mean of the variances that are left over.

What this file leaves out:
1. pictures: what is encoded is the observation, not a rendered frame, so there is no convolution;
2. memory: each observation is encoded by itself;
3. any use of the code for acting;
4. a deviation s for each number of the observation.

Sources: Kingma and Welling (2014), "Auto-encoding variational Bayes", arXiv 1312.6114; β of Higgins et al. (2017); one learned s
as in Rybkin, Daniilidis, Levine (2021), "Simple and effective VAE training with calibrated decoders", arXiv 2006.13202; (8) of
Burda, Grosse, Salakhutdinov (2016), "Importance weighted autoencoders", arXiv 1509.00519; Lucas et al. (2019), "Don't blame
the ELBO!", arXiv 1911.02469, for the linear case.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Minibatch, Smoke
from app.core.text import _
from app.parts.encoder_learner import (
    ENCODER_SCALARS,
    ENCODER_SIGNALS,
    OWN_SCALARS,
    OWN_SIGNALS,
    EncoderConfig,
    EncoderLearner,
)
from app.parts.experience import check, needs_numbers
from app.parts.heads import HALF_LOG_TWO_PI

Array = NDArray[Any]


class VAEConfig(EncoderConfig):
    """Hyperparameters of the VAE."""

    # fmt: off
    beta: float = Hyper(1.0, low=0, high=100, symbol=r"\beta", live="update",
        help=_("Weight of the code's price: raising it makes the code simpler and the reconstruction coarser; 1 gives the bound."))
    learn_decoder_std: bool = Hyper(True, live="update",
        help=_("Learn the decoder's deviation; off keeps it as it is, 1 at the start, which makes reconstruction count little."))
    # fmt: on


class Encoded(NamedTuple):
    """Codes drawn for observations: means and log variances (B, Z), draws z (B, Z), and the encoder's layers."""

    means: Array
    log_variances: Array
    codes: Array
    layers: list[Array]


def log_likelihood(x: Array, x_hat: Array, log_std: float) -> Array:
    """Return log p(x|z) (4) (…,) of x and x̂ (…, D) under one deviation."""
    squares = np.square(x - x_hat).sum(axis=-1)
    size = x.shape[-1]
    return np.asarray(-0.5 * squares * math.exp(-2 * log_std) - size * (log_std + HALF_LOG_TWO_PI))  # (4)


def kl_to_prior(means: Array, log_variances: Array) -> Array:
    """Return KL(q ‖ p) (5) of each number of the code (B, Z)."""
    return np.asarray(0.5 * (means**2 + np.exp(log_variances) - 1 - log_variances))  # (5)


class VAEAgent(EncoderLearner):
    """An encoder, a decoder and its deviation, learned from random behaviour."""

    config: VAEConfig
    columns: Callable[[], dict[str, Any]]

    def update(self, max_steps: int) -> Report:
        """Act until the next update is due and learn; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        while not scalars:
            self.collect_step()
            if self.must_learn:
                scalars = self.learn()
            if self.env_steps - start + self.config.n_envs > max_steps:
                break
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps, each on a fresh minibatch, and return what they measured."""
        measured = []
        for _step in range(self.config.gradient_steps):
            batch = self.replay.sample(self.config.batch_size, self.replay_random)
            x = self.scaled(batch.observations)
            numbers = self.differentiate(x, self.code_random.normals(len(x), self.config.latent_size))
            self.noted.minibatch(x, self.actions(batch.actions), self.columns)
            numbers["train/grad_norm"] = self.descend(self.optimiser, "train/loss", numbers["train/loss"])
            measured.append(numbers)
        return self.summary(measured)

    def encode(self, x: Array, noise: Array) -> Encoded:
        """Return the codes (2) of scaled observations (B, D) for noise ξ (B, Z)."""
        layers = self.encoder.activations(x)
        means, log_variances = np.split(layers[-1], 2, axis=1)
        codes = means + np.exp(0.5 * log_variances) * noise.astype(x.dtype)  # (2)
        return Encoded(means, log_variances, codes, layers)

    def differentiate(self, x: Array, noise: Array) -> dict[str, float]:
        """Compute the gradient of the loss of scaled observations (B, D) for noise ξ (B, Z), and return what it consists of."""
        size, beta = len(x), self.config.beta
        encoded = self.encode(x, noise)
        layers = self.decoder.activations(encoded.codes)
        log_std = float(self.networks.weights[0])
        explained, price = log_likelihood(x, layers[-1], log_std), kl_to_prior(encoded.means, encoded.log_variances)
        self.columns = partial(numbers_of, x, encoded, layers[-1], log_std=log_std, beta=beta)
        self.backward(x, encoded, layers)
        elbo = float((explained - price.sum(axis=1)).mean())  # (3)
        loss = -float((explained - beta * price.sum(axis=1)).mean())  # (6)
        return {
            "train/loss": loss,
            "train/elbo": elbo,
            "train/reconstruction": float(explained.mean()),
            "train/latent_kl": float(price.sum(axis=1).mean()),
            "train/active_latents": float((price.mean(axis=0) > 0.1).sum()),
            "train/decoder_std": math.exp(log_std),
            "train/reconstruction_error": math.sqrt(float(np.square(x - layers[-1]).sum()) / (size * x.shape[1])),
        }

    def backward(self, x: Array, encoded: Encoded, layers: list[Array]) -> None:
        """Put the gradient (7) of the mean loss into the networks, for the codes and the decoder's layers."""
        size, beta = np.float32(len(x)), np.float32(self.config.beta)
        precision = np.exp(-2 * self.networks.weights[0])
        errors = layers[-1] - x
        on_outputs = errors * precision / size  # (7)
        self.decoder.backward(layers, on_outputs)
        on_codes = self.decoder.input_gradient(layers, on_outputs)
        on_means = on_codes + beta * encoded.means / size  # (7)
        spread = encoded.codes - encoded.means
        on_log_variances = 0.5 * (on_codes * spread + beta * (np.exp(encoded.log_variances) - 1) / size)  # (7)
        self.encoder.backward(encoded.layers, np.concatenate([on_means, on_log_variances], axis=1))
        on_log_std = x.shape[1] - precision * np.square(errors).sum() / size  # (7)
        self.networks.gradient[0] = on_log_std if self.config.learn_decoder_std else 0.0

    def log_evidence(self, x: Array, noise: Array) -> Array:
        """Return the bound (8) of log p(x) (B,) of scaled observations (B, D) with noise ξ (K, B, Z)."""
        draws = [self.encode(x, one) for one in noise]
        weights = []
        for drawn, one in zip(draws, noise, strict=True):
            explained = log_likelihood(x, self.decoder.forward(drawn.codes), float(self.networks.weights[0]))
            prior = -0.5 * np.square(drawn.codes) - HALF_LOG_TWO_PI  # (1)
            guess = -0.5 * one**2 - 0.5 * drawn.log_variances - HALF_LOG_TWO_PI
            weights.append(explained + (prior - guess).sum(axis=1))
        stacked = np.stack(weights).astype(np.float64)
        highest = stacked.max(axis=0)
        return np.asarray(highest + np.log(np.exp(stacked - highest).mean(axis=0)))  # (8)


def numbers_of(x: Array, encoded: Encoded, x_hat: Array, *, log_std: float, beta: float) -> dict[str, Any]:
    """Return the columns of `MINIBATCH`, each (B,) or one number, from what `differentiate` used."""
    squares, size = np.square(x - x_hat).sum(axis=1), x.shape[1]
    lengths, spreads, logs = (
        part.sum(axis=1) for part in (np.square(encoded.means), np.exp(encoded.log_variances), encoded.log_variances)
    )
    price = kl_to_prior(encoded.means, encoded.log_variances).sum(axis=1)
    surprise = -log_likelihood(x, x_hat, log_std)
    slope = (size - squares * math.exp(-2 * log_std)) / len(x)
    numbers = (
        squares, math.exp(log_std), log_std, size, size * HALF_LOG_TWO_PI, surprise, lengths, spreads, logs,
        encoded.means.shape[1], price, beta, surprise + beta * price, len(x), slope,
    )  # fmt: skip
    return dict(zip(MINIBATCH.columns, numbers, strict=True))


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: whether its code says anything, and what its error does to the decoder's deviation."""
    code = _("its code says much") if row["price"] > 1 else _("its code says little")
    wider = _("it asks for a wider decoder") if row["slope"] < 0 else _("it allows a narrower decoder")
    return f"{code}; {wider}"


MINIBATCH = Minibatch(
    columns=(
        "squares", "std", "log_std", "numbers", "constant", "surprise", "lengths", "spreads", "logs", "codes", "price", "beta",
        "loss", "size", "slope",
    ),
    lines=(
        Line(r"-\log p_\theta(x|z) = \frac{E}{2\,s^2} + D\,\log s + \tfrac{D}{2}\log 2\pi",
             (("E", "squares"), ("s", "std"), ("D", "numbers"), (r"\log s", "log_std"), (r"\tfrac{D}{2}\log 2\pi", "constant")),
             "surprise", 4),
        Line(r"\mathrm{KL} = \frac{1}{2}\,(\Sigma\mu^2 + \Sigma\sigma^2 - Z - \Sigma\log\sigma^2)",
             ((r"\Sigma\mu^2", "lengths"), (r"\Sigma\sigma^2", "spreads"), ("Z", "codes"), (r"\Sigma\log\sigma^2", "logs")),
             "price", 5),
        Line(r"\ell = \ell_x + \beta\,\mathrm{KL}",
             ((r"\ell_x", "surprise"), (r"\beta", "beta"), (r"\mathrm{KL}", "price")), "loss", 6),
        Line(r"\frac{\partial L}{\partial \log s} = \frac{1}{B}\,(D - \frac{E}{s^2})",
             (("B", "size"), ("D", "numbers"), ("E", "squares"), ("s", "std")), "slope", 7, "on_log_std ="),
    ),
    contribution="loss",
    loss="L",
    shown=(
        ("squares", "E", _("squared distance of the decoded observation, in deviations")),
        ("surprise", r"\ell_x", _("minus the log-density of the observation given its code")),
        ("price", r"\mathrm{KL}", _("what its code costs: how much more it says than the prior")),
        ("loss", r"\ell", _("its part of the loss, before the mean")),
        ("slope", r"\partial L / \partial \log s", _("what it does to the decoder's deviation")),
    ),
    note=told,
)  # fmt: skip

SPEC = AlgorithmSpec(
    id="vae",
    name=_("Variational autoencoder"),
    summary=_("Learns from random behaviour which few numbers tell observations apart: a map of the world, not a policy."),
    family="policy_based",
    version=1,
    config=VAEConfig,
    agent=VAEAgent,
    smoke=Smoke(
        "CartPole-v1", 4_000,
        {"n_envs": 2, "learning_starts": 100, "batch_size": 32, "train_freq": 4, "net_arch": "16"},
    ),
    actions="any",
    emits=ENCODER_SCALARS,
    signals=ENCODER_SIGNALS,
    scalars=OWN_SCALARS,
    own_signals=OWN_SIGNALS,
    minibatch=MINIBATCH,
    default_steps=20_000,
    check=check,
    fits=needs_numbers,
    references=(
        "Kingma and Welling (2014), Auto-encoding variational Bayes, arXiv 1312.6114",
        "Lucas, Tucker, Grosse, Norouzi (2019), Don't blame the ELBO! A linear VAE perspective on posterior collapse, arXiv 1911.02469",
        "Ha and Schmidhuber (2018), World models, arXiv 1803.10122",
    ),
)  # fmt: skip
