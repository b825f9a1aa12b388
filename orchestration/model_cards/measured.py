"""What backtests measured, as the cards read it.

Belongs here: reading the files of `tlu backtest --json`, and which of their blocks a card is written from. Not here:
words and tables of a card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Cutoffs = Sequence[Mapping[str, Any]]


class NotABacktest(ValueError):
    """A file that a card was to be written from is not what `tlu backtest --json` writes."""


def read_measured(files: Sequence[Path]) -> dict[str, Cutoffs]:
    """Cut-offs of each file, by its name without the ending. Raises NotABacktest naming every file that is none."""
    found: dict[str, Cutoffs] = {}
    problems = []
    for file in files:
        try:
            found[file.stem] = json.loads(file.read_text("utf-8"))["cutoffs"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{file}: {type(error).__name__}, {error}")
    if problems:
        raise NotABacktest(
            "A card is written from what `tlu backtest --json FILE` wrote. Not such a file: " + "; ".join(problems)
        )
    return found


def has_block(measured: Mapping[str, Cutoffs], block: str) -> bool:
    """Whether any cut-off has it: a file that was written before a model was there does not."""
    return any(block in cutoff for cutoffs in measured.values() for cutoff in cutoffs)


def sections(
    measured: Mapping[str, Cutoffs], block: str, section: Callable[[str, str, Mapping[str, Any]], str]
) -> list[str]:
    """`section` of the name, day and block of every cut-off that has it."""
    return [
        section(name, cutoff["as_of"], cutoff[block])
        for name, cutoffs in measured.items()
        for cutoff in cutoffs
        if block in cutoff
    ]
