"""A model in Hugging Face's format in the stages: tiny ones with drawn weights are made on the spot. Needs the extra `transformers`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.core.codecs import trees_equal
from app.core.contracts import Tree
from app.core.errors import InvalidInput
from app.core.folders import MODELS_VARIABLE
from app.core.randomness import Stream
from app.parts.local_models import LocalModel
from app.parts.sampling import complete, completion_logits, log_probs_of, next_log_probs
from app.parts.tokens import Turns
from app.parts.transformer import as_tensor
from tests.algorithms.language.stages import small_task, stage
from tests.bench import trl_side

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600), pytest.mark.filterwarnings("default")]
PROMPTS = np.array([[0, 2, 3, 4], [5, 5, 2, 6], [0, 0, 0, 3]])
STAGES = ("pretrain", "sft", "reward_model", "best_of_n", "rloo", "ppo_language", "grpo_language", "dpo", "ipo")
SMALL = {"gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16}, "llama": {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "max_position_embeddings": 16,
}}  # fmt: skip


def made(folder: Path, kind: str = "gpt2", **sizes: Any) -> Path:
    """Write a model with drawn weights, and its tokenizer, as its owner would."""
    transformers = trl_side.module("transformers")
    torch.manual_seed(0)
    common = {"vocab_size": 13, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1, "initializer_range": 0.3}
    config = transformers.AutoConfig.for_model(kind, **{**common, **SMALL[kind], **sizes})
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder / kind)
    trl_side.tokenizer().save_pretrained(folder / kind)
    return folder / kind


@pytest.fixture(params=sorted(SMALL))
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name under which the operator lists a model."""
    monkeypatch.setenv(MODELS_VARIABLE, str(made(tmp_path, request.param)))
    return str(request.param)


def model(name: str) -> LocalModel:
    return LocalModel(name, "0123456789=", context=10, n_scores=0)


def test_it_says_what_the_library_says(name: str) -> None:
    ours, row = model(name), torch.tensor([[5, 3, 2, 8, 12]])
    with torch.no_grad():
        logits = ours.logits(ours.hidden(row))
        theirs = ours._model(input_ids=row).logits  # the tokenizer numbers characters as we do
    torch.testing.assert_close(logits[..., 1:], theirs[..., 1:], rtol=0, atol=1e-6)


def test_writing_with_a_cache_and_padding_is_reading_without(name: str) -> None:
    ours = model(name)
    rows = complete(ours, PROMPTS, turns=Turns(6), group=3, random=Stream(3, "tokens"))
    tokens = as_tensor(rows.tokens)
    for group in (1, 3):
        with torch.no_grad():
            logits, _hidden = completion_logits(ours, tokens, 4, group)
        after = log_probs_of(next_log_probs(logits), tokens[:, 4:]).numpy()
        np.testing.assert_allclose(rows.log_probs[rows.own], after[rows.own], rtol=0, atol=1e-5)
    alone = complete(ours, np.array([[3]]), turns=Turns(6))
    beside = complete(ours, PROMPTS, turns=Turns(6))
    assert np.array_equal(alone.completions[0], beside.completions[2])


@pytest.mark.parametrize("algorithm", STAGES)
def test_every_stage_trains_it_and_goes_on_bit_for_bit(name: str, algorithm: str) -> None:
    sizes: dict[str, Any] = {"batch_size": 8} if algorithm in ("pretrain", "sft") else {"n_prompts": 4}
    straight = stage(algorithm, local_model=name, **sizes)
    before = straight.model.weights.copy()
    straight.update(1)
    saved: Tree = straight.state()
    straight.update(1)
    resumed = stage(algorithm, local_model=name, **sizes)
    resumed.load(saved)
    resumed.update(1)
    assert not trees_equal(straight.state(), resumed.state())  # no path differs
    assert not np.array_equal(straight.model.weights, before)


def test_it_learns_and_the_next_stage_starts_from_what_it_learned(name: str) -> None:
    agent = stage("sft", local_model=name, steps=60, batch_size=64, learning_rate=5e-3)
    losses = [agent.update(1).scalars["train/loss"] for _update in range(60)]
    assert losses[-1] < 0.7 * losses[0]
    later = stage("grpo_language", local_model=name, origin=agent.state(), n_prompts=4)
    assert np.array_equal(later.model.weights, agent.model.weights)
    assert later.signals()["attention"]().shape == (2, 2, 8, 8)
    with pytest.raises(InvalidInput, match="this run"):
        stage("grpo_language", origin=agent.state(), d_model=32)


def test_a_task_that_it_cannot_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(made(tmp_path, n_positions=6)))
    with pytest.raises(InvalidInput, match="reads 6 tokens at most, and a row of this task has 8"):
        stage("sft", local_model="gpt2", task=small_task(3))
    with pytest.raises(InvalidInput, match="no token of its own for a b"):
        LocalModel("gpt2", "0ab", context=4, n_scores=0)


def test_weights_that_would_run_code_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path)
    (folder / "model.safetensors").rename(folder / "elsewhere")
    torch.save({}, folder / "pytorch_model.bin")
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    with pytest.raises(OSError, match="safetensors"):
        model("gpt2")
