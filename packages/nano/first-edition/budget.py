"""What happens when the thought is cut after so many tokens.

    python budget.py HF_FOLDER

For 200 fresh prompts and the budgets 0, 1, 16 and 64: the longest thought in tokens, how many
thoughts were cut, how many replies end in a complete answer, and how many of them are right.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from dataset import Encoder, render_prompt
from evaluate import MOST_NEW_TOKENS, fresh_turns, load_exported
from generator import Sample, is_right
from model import Cache, Nano

BUDGETS = (0, 1, 16, 64)
EACH = 17  # of 12 kinds and languages; the first 200 are used


class Writer:
    """One sequence: append tokens, ask for the most likely next one."""

    def __init__(self, model: Nano, prompt: list[int]) -> None:
        self.model = model
        self.past: Cache | None = None
        self.hidden: Tensor
        self.append(prompt)

    def append(self, tokens: list[int]) -> None:
        # One at a time behind a cache: the model's causal mask is only right for a first block.
        blocks = [tokens] if self.past is None else [[t] for t in tokens]
        for block in blocks:
            self.hidden, self.past = self.model(torch.tensor([block]), self.past)

    def best(self) -> int:
        return int(self.model.logits(self.hidden[0, -1]).argmax())


@torch.no_grad()
def reply_within(model: Nano, encoder: Encoder, prompt: list[int], budget: int) -> tuple[int, bool, list[int], bool]:
    """Thought tokens, whether the thought was cut, the answer's ids, whether the answer came to its end."""
    writer = Writer(model, prompt)
    thought: list[int] = []
    cut = False
    if budget > 0:
        assert writer.best() == encoder.open
        writer.append([encoder.open])
        while (token := writer.best()) != encoder.close:
            if len(thought) == budget:
                writer.append(encoder.closing(thought))
                cut = True
                break
            thought.append(token)
            writer.append([token])
        else:
            writer.append([encoder.close])
    answer: list[int] = []
    while (token := writer.best()) != encoder.end and len(answer) < MOST_NEW_TOKENS:
        answer.append(token)
        writer.append([token])
    return len(thought), cut, answer, token == encoder.end


def main() -> None:
    torch.set_num_threads(1)
    model, encoder = load_exported(Path(sys.argv[1]))
    turns = fresh_turns(seed=2, each=EACH)[:200]
    for budget in BUDGETS:
        longest = cuts = complete = right = 0
        for turn in turns:
            prompt = encoder.ids(render_prompt(Sample([turn], thinking=budget > 0)))
            length, cut, answer, ended = reply_within(model, encoder, prompt, budget)
            text = encoder.tokenizer.decode(answer)
            longest, cuts = max(longest, length), cuts + cut
            complete += ended and bool(text.strip())
            right += ended and is_right(text, turn.expected)
        print(f"budget {budget}: longest thought {longest}, cut {cuts}, complete answers {complete}, right {right} of {len(turns)}")


if __name__ == "__main__":
    main()
