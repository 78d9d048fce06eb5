"""Write `trl_losses.json`: what TRL's trainers say of tensors that our losses see too.

Run it where the extra `bench` is installed: `python -m tests.algorithms.language.make_trl_fixture`. The model that TRL is given
returns the log-probabilities of fixed scores (B, L, V), so that its loss and the slope of its loss depend on its masks and its
equations alone. Rows are padded on both sides; B rows, of which the first half is preferred to the second; P = 3 prompt columns.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.parts.tokens import END, PAD
from app.parts.transformer import as_tensor
from tests.bench import trl_side

FIXTURE = Path(__file__).parent / "trl_losses.json"
PROMPTS = [[PAD, 2, 3], [4, 5, 3], [PAD, 2, 3], [4, 5, 3]]
COMPLETIONS = [[5, 4, 2, END], [2, END, PAD, PAD], [4, 4, END, PAD], [3, 5, 4, 2]]  # the last one is cut
VOCABULARY, PROMPT_COLUMNS, NEVER = 6, 3, -1e9


class Given(torch.nn.Module):
    """A model that says what it is told: scores (B, L, V), whatever the tokens."""

    def __init__(self, logits: np.ndarray) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.from_numpy(logits.copy()))

    def forward(self, *, labels: torch.Tensor, **_others: Any) -> Any:
        """Return TRL's log-probabilities of the labels after the first, 0 where they are ignored."""
        seen = labels[:, 1:]
        ask = trl_side.module("trl.trainer.utils").selective_log_softmax_and_entropy
        log_probs, entropy = ask(self.logits[:, :-1], seen.clamp(min=0))
        log_probs, entropy = (number.masked_fill(seen == -100, 0) for number in (log_probs, entropy))
        output = trl_side.module("trl.trainer.utils").FusedCausalLMOutput
        shown = {"mean_logits": entropy, "is_top1": seen != -100, "label_mask": seen != -100}  # for its log alone
        return output(log_probs=log_probs, entropy=entropy, **shown)


def scores(seed: int) -> np.ndarray:
    """Return scores (B, L, V) to three digits, none for padding."""
    shape = (len(PROMPTS), PROMPT_COLUMNS + len(COMPLETIONS[0]), VOCABULARY)
    logits = np.random.default_rng(seed).normal(size=shape).round(3)
    logits[..., PAD] = NEVER
    return logits


def log_probs_of(logits: np.ndarray, tokens: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities (B, C) of the completions."""
    logs = torch.log_softmax(torch.from_numpy(logits)[:, PROMPT_COLUMNS - 1 : -1], -1)
    return logs.gather(-1, tokens[:, PROMPT_COLUMNS:, None])[..., 0]


def measured(loss: torch.Tensor, model: Given) -> dict[str, Any]:
    """Return a loss and its slope for every score."""
    (slope,) = torch.autograd.grad(loss, model.logits)
    return {"loss": loss.item(), "slope": np.array([float(f"{x:.10g}") for x in slope.ravel().tolist()]).tolist()}


def pairs(folder: str, now: np.ndarray, before: np.ndarray, **settings: Any) -> dict[str, Any]:
    """Return what TRL's DPO trainer says."""
    trainer = trl_side.dpo_trainer(folder, **settings)
    trainer.ref_model, model = Given(before), Given(now)
    tokens = as_tensor(np.array([p + c for p, c in zip(PROMPTS, COMPLETIONS, strict=True)]))
    is_prompt = torch.arange(tokens.shape[1])[None, :] < PROMPT_COLUMNS
    mask = ((tokens != PAD) & ~is_prompt).long()
    inputs = {"input_ids": tokens, "attention_mask": (tokens != PAD).long(), "completion_mask": mask}
    return measured(trainer._compute_loss(model, inputs, False), model)


def groups(
    trainer: Any, now: np.ndarray, old: np.ndarray, *, reference: np.ndarray, beta: float = 0.0
) -> dict[str, Any]:  # fmt: skip
    """Return what a trainer of TRL that learns from groups says of advantages +1, −½, ¾ and −2."""
    trainer.beta = beta  # where it is settled from the start, TRL looks for a reference by its name
    prompts, completions = as_tensor(np.array(PROMPTS)), as_tensor(np.array(COMPLETIONS))
    tokens, mask, model = torch.cat([prompts, completions], 1), (completions != PAD).long(), Given(now)
    trainer.current_gradient_accumulation_steps = 1
    old_log_probs = log_probs_of(old, tokens) * mask
    inputs = {
        "prompt_ids": prompts, "prompt_mask": (prompts != PAD).long(), "completion_ids": completions,
        "completion_mask": mask, "advantages": torch.tensor([1.0, -0.5, 0.75, -2.0], dtype=torch.float64),
        "old_per_token_logps": old_log_probs, "old_logps": old_log_probs.sum(1),
        "ref_per_token_logps": log_probs_of(reference, tokens) * mask, "num_items_in_batch": mask.sum(),
    }  # fmt: skip
    return measured(trainer._compute_loss(model, inputs), model)


def main() -> None:
    """Write the fixture."""
    now, old, before = scores(1), scores(1) + scores(2).clip(-1, 1) * 0.3, scores(3)
    old = np.where(scores(1) == NEVER, NEVER, old.round(3))
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "dpo": pairs(folder, now, before, beta=0.3),
            "ipo": pairs(folder, now, before, beta=0.3, loss_type=["ipo"]),
            "grpo": groups(trl_side.grpo_trainer(folder, beta=0.0), now, old, reference=before),
            "grpo_kl": groups(
                trl_side.grpo_trainer(folder, beta=0.0, use_bias_correction_kl=False),
                now,
                old,
                reference=before,
                beta=0.2,
            ),
            "rloo": groups(trl_side.rloo_trainer(folder, beta=0.0), now, now, reference=before),
        }
    shared = {
        "trl": trl_side.module("trl").__version__, "prompts": PROMPTS, "completions": COMPLETIONS,
        "now": now[..., 1:].tolist(), "old": old[..., 1:].tolist(), "reference": before[..., 1:].tolist(),
    }  # fmt: skip
    FIXTURE.write_text(json.dumps({**shared, "found": found}, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
