"""A causal language model from a folder of this machine, in Hugging Face's format, where a stage would else make one afresh.

`RL_PLAYGROUND_MODELS` holds the folders, separated by commas; each is known by its own name. A worker inherits the variable; who
uses the browser can only choose among these names, and nothing is downloaded: weights are read from safetensors files, code that
lies beside them is not run. The task's characters, the end and nothing else of the model's vocabulary are written and scored, so
a character must be one token of it. Letters as in `transformer.py`.

What this part leaves out: models whose head does more than one matrix, half precision, words as tokens.
"""

import importlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from app.core.errors import InvalidInput
from app.core.folders import model_folders
from app.core.randomness import Stream
from app.core.text import _, filled
from app.parts.extras import needs
from app.parts.networks import use_one_thread
from app.parts.transformer import Cache, Transformer, TransformerShape

WHERE = "config.local_model"
MORE_THAN_A_MATRIX = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "output_multiplier",
    "lm_head_multiplier",
)


def check_model(name: str) -> None:
    """Refuse a model that cannot be used; the empty name means a fresh one.

    Raises:
        InvalidInput: it is not listed, its folder holds no model, or the extra is not installed.
    """
    if not name:
        return
    known = model_folders()
    if name not in known:
        way_out = _("Choose one of {names}; the operator's setting models lists them.")
        none = _("The operator's setting models lists none; leave it empty.")
        raise _refusal(name, _("no such model"), way_out.format(names=", ".join(known)) if known else none)
    absence = needs("transformers", "transformers")()
    if absence:
        raise _refusal(name, *absence)
    if not (known[name] / "config.json").is_file():
        raise _refusal(
            name, _("its folder holds no config.json"), _("The operator's setting models must name a model's folder.")
        )


class LocalModel(Transformer):  # a stage takes it for the model it would make itself
    """A model of Hugging Face over one flat vector.

    Attributes:
        ids: the model's own number of each of our tokens (V,).
    """

    def __init__(self, name: str, letters: str, *, context: int, n_scores: int) -> None:
        check_model(name)
        use_one_thread()
        folder, self._library = model_folders()[name], importlib.import_module("transformers")
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = self._library.AutoTokenizer.from_pretrained(folder, **local)
        loaded = self._library.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, attn_implementation="eager", **local
        )
        self._model = loaded.eval()  # without dropout: what was drawn must be what is scored
        sizes = self._model.config.get_text_config()
        self.ids = torch.tensor(_numbers_of(name, tokenizer, letters))
        _check_sizes(name, sizes, context)
        self.shape = TransformerShape(
            len(self.ids), context, sizes.hidden_size, sizes.num_hidden_layers, sizes.num_attention_heads,
            bool(sizes.tie_word_embeddings), n_scores,
        )  # fmt: skip
        leaves = dict(self._model.named_parameters())
        if n_scores:
            leaves["score"] = torch.nn.Parameter(torch.zeros(1, sizes.hidden_size))
        self.kept = None
        self._gather(leaves)

    def _gather(self, leaves: dict[str, Any]) -> None:
        """Make every parameter and its gradient a view of one vector."""
        size = sum(leaf.numel() for leaf in leaves.values())
        self._flat, gradient = torch.zeros(size), torch.zeros(size)
        self.weights, self.gradient = self._flat.numpy(), gradient.numpy()
        start = 0
        for leaf in leaves.values():
            stop = start + math.prod(leaf.shape)
            self._flat[start:stop] = leaf.detach().reshape(-1)
            leaf.data, leaf.grad = self._flat[start:stop].view(leaf.shape), gradient[start:stop].view(leaf.shape)
            start = stop
        self.parameters = leaves

    def initialise(self, random: Stream) -> None:
        """Leave the parameters as they were read."""

    def hidden(
        self, tokens: Tensor, starts: Tensor | None = None, cache: Cache | None = None, *, since: int = 0
    ) -> Tensor:  # fmt: skip
        """Return the stream before the head (B, L − since, D); arguments as of `Transformer.hidden`."""
        if not len(tokens):  # no pairs to learn from: the library does not take none
            nothing: Tensor = self._model.get_input_embeddings()(self.ids[tokens])
            return nothing[:, since:]
        read = len(cache) if cache is not None else 0
        seen = torch.arange(read + tokens.shape[1])[None, :].expand(len(tokens), -1)
        first = torch.zeros(len(tokens), dtype=torch.int64) if starts is None else starts
        past = self._past(cache) if cache is not None else None
        found = self._model.base_model(
            input_ids=self.ids[tokens],
            attention_mask=(seen >= first[:, None]).long(),
            position_ids=(seen[:, read:] - first[:, None]).clamp(min=0),
            past_key_values=past,
            use_cache=cache is not None,
            output_attentions=self.kept is not None,
            output_hidden_states=self.kept is not None,
        )
        if cache is not None and past is not None:
            cache.layers = [(layer.keys, layer.values) for layer in past.layers]
        if self.kept is not None:
            self.kept += zip(found.attentions, found.hidden_states[1:], strict=True)
        stream: Tensor = found.last_hidden_state
        return stream[:, since:]

    def _past(self, cache: Cache) -> Any:
        past = self._library.DynamicCache()
        for layer, (keys, values) in enumerate(cache.layers):
            past.update(keys, values, layer)
        return past

    def logits(self, hidden: Tensor) -> Tensor:
        """Return what each of our tokens scores to come next (…, V) after a stream (…, D)."""
        head = self._model.get_output_embeddings()
        return functional.linear(hidden, head.weight[self.ids], None if head.bias is None else head.bias[self.ids])


def _numbers_of(name: str, tokenizer: Any, letters: str) -> list[int]:
    """Return the model's numbers of padding, end and characters; padding is masked, so the end's serves for it."""
    if tokenizer.eos_token_id is None:
        raise _refusal(name, _("its tokenizer has no end token"), _("Use a model that has one."))
    known, spelled = tokenizer.get_vocab(), _speller(tokenizer)
    numbers = [known.get(letter, spelled(letter)) for letter in letters]
    strange = [
        letter for letter, number in zip(letters, numbers, strict=True) if number is None or numbers.count(number) > 1
    ]
    if strange:
        rule = _("has no token of its own for {letters}").format(letters=" ".join(strange[:8]))
        raise _refusal(name, rule, _("Use a model whose tokenizer knows every character of the task, or another task."))
    return [tokenizer.eos_token_id, tokenizer.eos_token_id, *numbers]


def _speller(tokenizer: Any) -> Callable[[str], int | None]:
    def spelled(letter: str) -> int | None:
        found = tokenizer.encode(letter, add_special_tokens=False)
        return int(found[0]) if len(found) == 1 and found[0] != tokenizer.unk_token_id else None

    return spelled


def _check_sizes(name: str, sizes: Any, context: int) -> None:
    most = getattr(sizes, "max_position_embeddings", None)
    if most is not None and most < context:
        rule = filled(_("reads {most} tokens at most, and a row of this task has {count}"), most=most, count=context)
        raise _refusal(name, rule, _("Choose a model with a longer context, or shorter prompts."))
    doing = [item for item in MORE_THAN_A_MATRIX if getattr(sizes, item, None) not in (None, 1.0)]
    if doing:
        rule = _("its head does more than one matrix: {names}").format(names=", ".join(doing))
        raise _refusal(name, rule, _("Use a model whose scores are a matrix times its stream."))


def _refusal(name: str, rule: str, way_out: str) -> InvalidInput:
    return InvalidInput.one(WHERE, name, rule, way_out)
