"""The fixture of greedy answers: 200 prompts with the ids Hugging Face writes in F32.

    python greedy.py HF_FOLDER OUT_JSON

llama-greedy.mjs adds llama.cpp's ids for the Q8_0 file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from generator import KINDS, LANGUAGES, Turn, fresh_turn
from wording import SYSTEM_PROMPTS

PROMPTS = 200
MOST_NEW_TOKENS = 160
LEAST_GAP = 1e-3


def draw_case(index: int) -> dict[str, object]:
    """Every kind and language in turn, half with thinking; some with a system prompt or earlier turns."""
    rng = Random(f"greedy/{index}")
    kind, language = KINDS[index % 6], LANGUAGES[index // 6 % 2]
    thinking = index // 12 % 2 == 0
    messages = [{"role": "system", "content": rng.choice(SYSTEM_PROMPTS)}] if rng.random() < 0.1 else []
    for _ in range(rng.choices((0, 1, 2), (85, 10, 5))[0]):
        earlier: Turn = fresh_turn(rng.choice(KINDS), language, rng)
        messages += [{"role": "user", "content": earlier.question}, {"role": "assistant", "content": earlier.answer}]
    turn = fresh_turn(kind, language, rng)
    messages.append({"role": "user", "content": turn.question})
    return {"kind": kind, "language": language, "thinking": thinking, "messages": messages, "expected": turn.expected}


@torch.no_grad()
def continue_greedily(model: PreTrainedModel, prompt: list[int]) -> tuple[list[int], float]:
    """Ids up to and with the end token, and the smallest gap between the two best logits on the way."""
    ids = torch.tensor([prompt])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=MOST_NEW_TOKENS, output_logits=True, return_dict_in_generate=True
    )
    gaps = [(top[0, 0] - top[0, 1]).item() for top in (logits.float().topk(2).values for logits in out.logits)]
    return out.sequences[0, len(prompt) :].tolist(), min(gaps)


def complete(case: dict[str, object], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, object]:
    prompt = tokenizer.apply_chat_template(case["messages"], tokenize=False, add_generation_prompt=True, enable_thinking=case["thinking"])
    ids = tokenizer.encode(prompt)
    reply, gap = continue_greedily(model, ids)
    return {**case, "prompt": prompt, "prompt_ids": ids, "f32_ids": reply, "f32_smallest_gap": round(gap, 6), "f32_text": tokenizer.decode(reply)}


def main() -> None:
    folder, out = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    cases: list[dict[str, object]] = []
    dropped = 0
    for index in range(10 * PROMPTS):
        case = complete(draw_case(index), model, tokenizer)
        if case["f32_smallest_gap"] <= LEAST_GAP:
            dropped += 1
            continue
        cases.append(case)
        if len(cases) == PROMPTS:
            break
    write_cases(out, cases)
    print(f"{len(cases)} prompts, {dropped} near ties left out")


def write_cases(path: Path, cases: list[dict[str, object]]) -> None:
    rows = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text(f'{{"max_new_tokens": {MOST_NEW_TOKENS}, "cases": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
