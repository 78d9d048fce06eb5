"""TRL's trainers on the playground's task of sorting digits: model, tokenizer and data at the same size. Needs the extra `bench`."""

import copy
import importlib
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

from app.environments.sort_digits import ALPHABET, SortDigitsConfig, make
from app.parts.tokens import END_SIGN, PAD_SIGN

TASK = make(SortDigitsConfig())
SETTINGS: dict[str, Any] = {
    "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no",
    "logging_strategy": "no", "disable_tqdm": True, "learning_rate": 5e-4, "adam_beta1": 0.9, "adam_beta2": 0.95,
    "max_grad_norm": 1.0, "weight_decay": 0.01, "seed": 0,
}  # fmt: skip


def module(name: str) -> Any:
    """Return a module of the extra, or say how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error}. Install what it is compared with: pip install -e '.[bench]'") from error


def tokenizer() -> Any:
    """Return one token a character, numbered as in `Alphabet`."""
    tokenizers = module("tokenizers")
    numbers = {sign: number for number, sign in enumerate((PAD_SIGN, END_SIGN, *ALPHABET.letters))}
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, unk_token=PAD_SIGN))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex("."), "isolated")
    core.decoder = tokenizers.decoders.Fuse()
    kind = module("transformers").PreTrainedTokenizerFast
    return kind(tokenizer_object=core, pad_token=PAD_SIGN, eos_token=END_SIGN, padding_side="left")


def model() -> Any:
    """Return GPT-2 of the size of our defaults."""
    transformers = module("transformers")
    config = transformers.GPT2Config(
        vocab_size=ALPHABET.size, n_positions=TASK.observation_size, n_embd=64, n_layer=4, n_head=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, pad_token_id=0, bos_token_id=1, eos_token_id=1,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def rows(count: int) -> list[dict[str, str]]:
    """Return prompts with right answers, and with the prompt's own digits as the worse ones."""
    prompts = [TASK.prompt(number * 7919 % TASK.n_prompts) for number in range(count)]
    return [{"prompt": p, "completion": "".join(sorted(p[:-1])), "chosen": "".join(sorted(p[:-1])), "rejected": p[:-1]} for p in prompts]  # fmt: skip


def dataset(count: int, columns: Sequence[str]) -> Any:
    """Return rows with some columns as TRL takes them."""
    return module("datasets").Dataset.from_list([{name: row[name] for name in columns} for row in rows(count)])


def rewards(prompts: Sequence[str], completions: Sequence[str], **_others: Any) -> list[float]:
    """Return what completions earn from the task."""
    return [sum(TASK.judge(prompt, text, True)) for prompt, text in zip(prompts, completions, strict=True)]


def sft_trainer(folder: str, **settings: Any) -> Any:
    """Return TRL's SFT trainer."""
    trl = module("trl")
    args = trl.SFTConfig(folder, **{**SETTINGS, "completion_only_loss": True, "max_length": None, **settings})
    return trl.SFTTrainer(model(), args=args, train_dataset=dataset(1024, ("prompt", "completion")), processing_class=tokenizer())  # fmt: skip


def grpo_trainer(folder: str, **settings: Any) -> Any:
    """Return TRL's GRPO trainer with groups of 8."""
    trl = module("trl")
    chosen = {"num_generations": 8, "max_completion_length": TASK.completion_columns, **settings}
    args = trl.GRPOConfig(folder, **{**SETTINGS, **chosen})
    return trl.GRPOTrainer(model(), rewards, args=args, train_dataset=dataset(512, ("prompt",)), processing_class=tokenizer())  # fmt: skip


def dpo_trainer(folder: str, **settings: Any) -> Any:
    """Return TRL's DPO trainer."""
    trl = module("trl")
    args = trl.DPOConfig(folder, **{**SETTINGS, "max_length": None, **settings})
    data, policy = dataset(512, ("prompt", "chosen", "rejected")), model()
    reference = copy.deepcopy(policy)
    return trl.DPOTrainer(policy, reference, args=args, train_dataset=data, processing_class=tokenizer())


def rloo_trainer(folder: str, **settings: Any) -> Any:
    """Return TRL's RLOO trainer with groups of 8."""
    trl = module("trl")
    chosen = {"num_generations": 8, "max_completion_length": TASK.completion_columns, **settings}
    args = trl.RLOOConfig(folder, **{**SETTINGS, **chosen})
    return trl.RLOOTrainer(model(), rewards, args=args, train_dataset=dataset(512, ("prompt",)), processing_class=tokenizer())  # fmt: skip


def seconds_of_steps(trainer: Any, clock: Callable[[], float] = time.process_time) -> list[float]:
    """Train, and return what each step but the first two took."""
    ends: list[float] = []

    class Watch(module("transformers").TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_arguments: Any, **_named: Any) -> None:
            ends.append(clock())

    trainer.add_callback(Watch())
    trainer.train()
    return [after - before for before, after in itertools.pairwise(ends[1:])]
