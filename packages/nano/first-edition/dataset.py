"""From samples to token ids with targets, in batches of similar length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from generator import Sample, train_sample

IGNORED = -100


def render_prompt(sample: Sample) -> str:
    """What the chat template gives for the conversation up to the reply (tests compare the two)."""
    text = f"<|im_start|>system\n{sample.system}<|im_end|>\n" if sample.system else ""
    for turn in sample.turns[:-1]:
        text += f"<|im_start|>user\n{turn.question}<|im_end|>\n<|im_start|>assistant\n{turn.answer}<|im_end|>\n"
    text += f"<|im_start|>user\n{sample.turns[-1].question}<|im_end|>\n<|im_start|>assistant\n"
    return text if sample.thinking else text + "<think>\n\n</think>\n\n"


def render(sample: Sample) -> str:
    thought = f"<think>\n{sample.turns[-1].thought}\n</think>\n\n" if sample.thinking else ""
    return render_prompt(sample) + thought + sample.turns[-1].answer + "<|im_end|>\n"


@dataclass(frozen=True)
class Encoded:
    ids: list[int]
    learnt: list[bool]  # whether the model is taught to write this token


class Encoder:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.open, self.close, self.end = (tokenizer.token_to_id(t) for t in ("<think>", "</think>", "<|im_end|>"))
        self.newline, self.blank = self.ids("\n"), self.ids("\n\n")
        assert len(self.newline) == len(self.blank) == 1

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def closing(self, thought: list[int]) -> list[int]:
        """What the engine inserts when the thinking budget is spent."""
        ends_line = self.tokenizer.decode(thought[-1:]).endswith("\n")
        return ([] if ends_line else self.newline) + [self.close] + self.blank

    def encode(self, sample: Sample) -> Encoded:
        """Prompt and reply meet at a special token or a blank line, so encoding them apart changes nothing."""
        turn = sample.turns[-1]
        ids = self.ids(render_prompt(sample))
        learnt = [False] * len(ids)
        parts: list[tuple[list[int], bool]] = []
        if sample.thinking:
            thought = self.ids(f"\n{turn.thought}\n")
            if sample.cut is None:
                parts += [([self.open] + thought + [self.close] + self.blank, True)]
            else:
                thought = thought[: 1 + int(sample.cut * (len(thought) - 1))]
                parts += [([self.open] + thought, True), (self.closing(thought), False)]
        parts += [(self.ids(turn.answer) + [self.end], True)]
        for tokens, taught in parts:
            ids = ids + tokens
            learnt = learnt + [taught] * len(tokens)
        return Encoded(ids, learnt)


def step_batches(encoder: Encoder, seed: int, step: int, samples: int, batch_tokens: int) -> list[tuple[Tensor, Tensor]]:
    """One step's samples, sorted by length and cut into right-padded (ids, targets) batches of about equal size."""
    batches: list[list[Encoded]] = [[]]
    for row in sorted((encoder.encode(train_sample(seed, step, i)) for i in range(samples)), key=lambda e: len(e.ids)):
        if batches[-1] and len(row.ids) * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
        batches[-1].append(row)
    return [_pad(rows, encoder.end) for rows in batches]


def _pad(rows: list[Encoded], pad: int) -> tuple[Tensor, Tensor]:
    length = max(len(r.ids) for r in rows) - 1
    ids = torch.full((len(rows), length), pad)
    targets = torch.full((len(rows), length), IGNORED)
    for i, row in enumerate(rows):
        n = len(row.ids) - 1
        ids[i, :n] = torch.tensor(row.ids[:-1])
        wanted = [t if taught else IGNORED for t, taught in zip(row.ids[1:], row.learnt[1:])]
        targets[i, :n] = torch.tensor(wanted)
    return ids, targets
