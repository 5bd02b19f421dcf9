"""The fresh evaluation problems: 500 a kind and language that training never saw.

    python problems.py STEPS OUT_JSON

Problems are reserved by hash (generator.is_fresh). Beyond that, a question whose very text
occurs in the first STEPS training steps is left out, which matters for "other".
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from generator import KINDS, LANGUAGES, Problem, Turn, fresh_turn, train_sample

EACH = 500
TRAINING_SEED = 1
SAMPLES_A_STEP = 96
FIELDS = ["kind", "language", "question", "expected"]


def questions_of_training(steps: int) -> set[str]:
    return {
        turn.question
        for step in range(steps)
        for index in range(SAMPLES_A_STEP)
        for turn in train_sample(TRAINING_SEED, step, index).turns
    }


def draw(kind: str, language: str, seen: set[str]) -> list[list[str]]:
    """Distinct questions; `seen` grows so that no question is kept twice."""
    rows: list[list[str]] = []
    index = 0
    while len(rows) < EACH:
        turn = fresh_turn(kind, language, Random(f"problems/{kind}/{language}/{index}"))
        index += 1
        if turn.question not in seen:
            seen.add(turn.question)
            rows.append([kind, language, turn.question, turn.expected])
    return rows


def turn_of(row: list[str]) -> Turn:
    """A row as a turn that can be asked and scored (its thought and full answer are not kept)."""
    kind, language, question, expected = row
    return Turn(Problem(kind), language, question, "", "", expected)


def main() -> None:
    seen = questions_of_training(int(sys.argv[1]))
    rows = [row for kind in KINDS for language in LANGUAGES for row in draw(kind, language, seen)]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    Path(sys.argv[2]).write_text(f'{{"fields": {json.dumps(FIELDS)}, "problems": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
