"""Accuracy by kind and language, with greedy decoding in batches of equally long prompts.

    python evaluate.py HF_FOLDER PROBLEMS_JSON [OUT_JSON]

scores the exported model on the fixture's problems, with thinking and without.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from dataset import Encoder, render_prompt
from generator import KINDS, LANGUAGES, Sample, Turn, fresh_turn, is_right
from model import Cache, Config, Nano

MOST_NEW_TOKENS = 160
BATCH = 256


@torch.no_grad()
def greedy(model: Nano, prompts: list[list[int]], end: int, limit: int = MOST_NEW_TOKENS) -> list[list[int]]:
    """The most likely continuation of each prompt, without the end token; all prompts have one length."""
    ids = torch.tensor(prompts)
    replies: list[list[int]] = [[] for _ in prompts]
    live = list(range(len(prompts)))
    hidden, past = model(ids)
    for _ in range(limit):
        best = model.logits(hidden[:, -1]).argmax(-1)
        keep = [row for row, token in enumerate(best.tolist()) if token != end]
        for row in keep:
            replies[live[row]].append(int(best[row]))
        if not keep:
            break
        if len(keep) < len(live):
            live, best, past = [live[row] for row in keep], best[keep], _rows(past, keep)
        hidden, past = model(best[:, None], past)
    return replies


def _rows(past: Cache, keep: list[int]) -> Cache:
    return [(k[keep], v[keep]) for k, v in past]


def greedy_all(model: Nano, prompts: list[list[int]], end: int) -> list[list[int]]:
    by_length: dict[int, list[int]] = defaultdict(list)
    for i, prompt in enumerate(prompts):
        by_length[len(prompt)].append(i)
    replies: list[list[int]] = [[] for _ in prompts]
    for group in by_length.values():
        for start in range(0, len(group), BATCH):
            part = group[start : start + BATCH]
            for i, reply in zip(part, greedy(model, [prompts[i] for i in part], end)):
                replies[i] = reply
    return replies


def answer_text(encoder: Encoder, reply: list[int]) -> str:
    """The reply behind its thought; a thought that never closes has no answer."""
    if encoder.open in reply:
        if encoder.close not in reply:
            return ""
        reply = reply[reply.index(encoder.close) + 1 :]
    return encoder.tokenizer.decode(reply)


def fresh_turns(seed: int, each: int, clean: bool = False) -> list[Turn]:
    return [
        fresh_turn(kind, language, Random(f"fresh/{seed}/{kind}/{language}/{i}"), clean=clean)
        for kind in KINDS
        for language in LANGUAGES
        for i in range(each)
    ]


def score(model: Nano, encoder: Encoder, turns: list[Turn], thinking: bool) -> tuple[dict[str, float], list[tuple[Turn, str]]]:
    """Share of right answers by "kind language" and the wrong ones."""
    prompts = [encoder.ids(render_prompt(Sample([turn], thinking=thinking))) for turn in turns]
    right: dict[str, list[bool]] = defaultdict(list)
    wrong: list[tuple[Turn, str]] = []
    for turn, reply in zip(turns, greedy_all(model, prompts, encoder.end)):
        ok = is_right(answer_text(encoder, reply), turn.expected)
        right[f"{turn.problem.kind} {turn.language}"].append(ok)
        if not ok:
            wrong.append((turn, encoder.tokenizer.decode(reply, skip_special_tokens=False)))
    return {key: sum(oks) / len(oks) for key, oks in right.items()}, wrong


def load_exported(folder: Path) -> tuple[Nano, Encoder]:
    from safetensors.torch import load_file

    settings = json.loads((folder / "config.json").read_text())
    fields = Config().as_dict()
    fields.update({k: settings[k] for k in fields if k in settings})
    model = Nano(Config(**fields))
    model.load_state_dict({k.removeprefix("model."): v for k, v in load_file(folder / "model.safetensors").items()})
    return model.eval(), Encoder(Tokenizer.from_file(str(folder / "tokenizer.json")))


def table(thinking: dict[str, float], off: dict[str, float]) -> str:
    lines = ["| | English, thinking | Indonesian, thinking | English, off | Indonesian, off |", "|---|---|---|---|---|"]
    for kind in KINDS:
        cells = [f"{share[f'{kind} {language}']:.1%}" for share in (thinking, off) for language in LANGUAGES]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    overall = [f"{sum(share.values()) / len(share):.1%}" for share in (thinking, off)]
    return "\n".join(lines) + f"\n\noverall {overall[0]} with thinking, {overall[1]} without"


def main() -> None:
    from problems import turn_of

    torch.set_num_threads(1)
    model, encoder = load_exported(Path(sys.argv[1]))
    turns = [turn_of(row) for row in json.loads(Path(sys.argv[2]).read_text())["problems"]]
    (thinking, wrong), (off, wrong_off) = (score(model, encoder, turns, mode) for mode in (True, False))
    print(table(thinking, off))
    if len(sys.argv) > 3:
        misses = [
            [[turn.question, turn.expected, reply] for turn, reply in pairs] for pairs in (wrong, wrong_off)
        ]
        report = {"thinking": thinking, "off": off, "wrong": misses[0], "wrong off": misses[1]}
        Path(sys.argv[3]).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
