"""Progress of a run on the terminal, as a Dagster logger. The job `refresh` uses it when `tlu run` asks for it."""

from __future__ import annotations

import logging
from typing import Any

import dagster as dg
from rich.console import Console
from rich.status import Status

PROGRESS_LOGGER = "progress"


class _ProgressHandler(logging.Handler):
    """Shows the steps of a run as they start and end, and what they warn of."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._status = Status("starting", console=console)

    def emit(self, record: logging.LogRecord) -> None:
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is None and record.levelno >= logging.WARNING:
            self._console.print(f"  [yellow]![/] {meta.get('orig_message', record.getMessage())}")
        if event is None or event.step_key is None:
            return
        name = event.step_key.split("[")[0]
        if event.event_type_value == "STEP_START":
            self._status.update(f"{name} …")
            self._status.start()
        elif event.event_type_value in {"STEP_SUCCESS", "STEP_FAILURE"}:
            self._status.stop()
            if event.event_type_value == "STEP_SUCCESS":
                seconds = event.event_specific_data.duration_ms / 1000
                self._console.print(f"  [green]✔[/] {name:<28}{seconds:7.1f} s")
            else:
                self._console.print(f"  [red]✘[/] {name}")


@dg.logger
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """Logger that prints nothing but the progress of steps."""
    logger = logging.Logger(PROGRESS_LOGGER, level=logging.DEBUG)
    logger.addHandler(_ProgressHandler(Console(stderr=True)))
    return logger
