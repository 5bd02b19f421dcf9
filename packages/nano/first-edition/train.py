"""Train nano on one CPU thread; stop it at any time, start it again and it goes on.

    python train.py --tokenizer HF_FOLDER --out RUN_FOLDER --steps 6000

The learning rate warms up, stays, and falls to zero over the last part of the steps, so the
number of steps may be changed (on a restart) until that last part has begun.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from dataset import IGNORED, Encoder, step_batches
from evaluate import fresh_turns, score
from model import Config, Nano
from muon import Muon


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser()
    p.add_argument("--tokenizer", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--samples", type=int, default=96, help="conversations a step, about 70 tokens each")
    p.add_argument("--batch-tokens", type=int, default=1536, help="tokens that go through the model at once")
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--warmup", type=int, default=150)
    p.add_argument("--decay", type=float, default=0.3, help="share of the steps over which the rate falls to zero")
    p.add_argument("--muon-from", type=int, default=0, help="before this step AdamW updates the layers' matrices too")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--save-every", type=int, default=100)
    p.add_argument("--evaluate-every", type=int, default=400)
    return p.parse_args()


def rate(step: int, args: argparse.Namespace) -> float:
    """Share of the peak learning rate at a step."""
    left = (args.steps - step) / (args.decay * args.steps)
    return min(1.0, (step + 1) / args.warmup, max(left, 0.0))


def inner_matrices(model: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in model.named_parameters() if p.dim() == 2 and not name.startswith("embed")]


def make_adamw(model: nn.Module, lr: float) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    gains = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99), eps=1e-8, fused=True)


def train_step(
    model: Nano, adamw: torch.optim.AdamW, muon: Muon, encoder: Encoder, step: int, args: argparse.Namespace
) -> tuple[float, int]:
    """One update; the mean loss over the taught tokens and the number of tokens read."""
    batches = step_batches(encoder, args.seed, step, args.samples, args.batch_tokens)
    taught = sum(int((targets != IGNORED).sum()) for _, targets in batches)
    total = 0.0
    for ids, targets in batches:
        loss = model.loss(ids, targets) / taught
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    lr = args.lr * rate(step, args)
    if step >= args.muon_from:
        muon.step(lr)
    for group in adamw.param_groups:
        group["lr"] = lr
    adamw.step()
    adamw.zero_grad(set_to_none=True)
    return total, sum(ids.numel() for ids, _ in batches)


def save(path: Path, model: Nano, adamw: torch.optim.AdamW, muon: Muon, step: int, tokens: int, seconds: float) -> None:
    state = {
        "config": model.config.as_dict(),
        "model": model.state_dict(),
        "optimizer": adamw.state_dict(),
        "momenta": muon.momenta,
        "step": step,
        "tokens": tokens,
        "seconds": seconds,
    }
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(Tokenizer.from_file(str(args.tokenizer / "tokenizer.json")))
    model = Nano(Config(vocab_size=encoder.tokenizer.get_vocab_size()))
    adamw, muon = make_adamw(model, args.lr), Muon(inner_matrices(model))
    first, tokens, before = 0, 0, 0.0
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        adamw.load_state_dict(state["optimizer"])
        muon.momenta = state.get("momenta", muon.momenta)
        first, tokens, before = state["step"], state["tokens"], state["seconds"]
    log = (args.out / "log.jsonl").open("a")

    def note(**entry: object) -> None:
        print(json.dumps(entry), file=log, flush=True)

    note(start=first, parameters=sum(p.numel() for p in model.parameters()), **{k: str(v) for k, v in vars(args).items()})
    turns = fresh_turns(seed=0, each=16)
    started = time.time()
    for step in range(first, args.steps):
        loss, read = train_step(model, adamw, muon, encoder, step, args)
        tokens += read
        seconds = before + time.time() - started
        done = step + 1
        if done % 20 == 0:
            note(step=done, loss=round(loss, 5), rate=round(rate(step, args), 4), tokens=tokens, seconds=round(seconds))
        if done % args.save_every == 0 or done == args.steps:
            save(checkpoint, model, adamw, muon, done, tokens, seconds)
        if done % args.evaluate_every == 0 or done == args.steps:
            for thinking in (True, False):
                accuracy, _ = score(model, encoder, turns, thinking)
                overall = sum(accuracy.values()) / len(accuracy)
                note(step=done, thinking=thinking, overall=round(overall, 4), accuracy={k: round(v, 3) for k, v in accuracy.items()})


if __name__ == "__main__":
    main()
