"""How far the jobs are: bars on a terminal, one line an epoch elsewhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Update = Callable[[int, list[dict[str, Any]], bool], None]
"""(index of the job, its new records, whether that was its last) -> None."""


@contextmanager
def show_progress(names: Sequence[str], epochs: int) -> Iterator[Update]:
    """Show the progress of training jobs on standard error.

    Args:
        names: of the jobs.
        epochs: of each.

    Yields:
        A function to call with each job's new records.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda index, rows, finished: _print_lines(names[index], rows, epochs, finished)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[accuracy]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        whole = bars.add_task(f"[bold]{len(names)} networks, epochs", total=len(names) * epochs, accuracy="")
        tasks = [bars.add_task(name, total=epochs, accuracy="", visible=False, start=False) for name in names]
        reached = [0] * len(names)

        def update(index: int, rows: list[dict[str, Any]], finished: bool) -> None:
            bars.start_task(tasks[index])
            accuracy = f"test {100 * rows[-1]['test_accuracy']:.2f} %"
            bars.update(tasks[index], completed=rows[-1]["epoch"], accuracy=accuracy, visible=not finished)
            reached[index] = epochs if finished else rows[-1]["epoch"]
            bars.update(whole, completed=sum(reached))

        yield update


def _print_lines(name: str, rows: list[dict[str, Any]], epochs: int, finished: bool) -> None:
    last = rows[-1]
    test = f"test accuracy {100 * last['test_accuracy']:.2f} %"
    if last["train_loss"] is None:
        line = f"before training, {test}"
    elif last["train_loss"] != last["train_loss"]:
        line = f"epoch {last['epoch']}/{epochs}, the loss is not finite: diverged, stopped"
    elif len(rows) > 1:
        line = f"{'was finished' if finished else 'goes on'} after epoch {last['epoch']}/{epochs}, {test}"
    else:
        train = f"train loss {last['train_loss']:.4f}, train accuracy {100 * last['train_accuracy']:.2f} %"
        line = f"epoch {last['epoch']}/{epochs}, {train}, {test}, {last['seconds']:.2f} s"
    print(f"{name}: {line}", file=sys.stderr, flush=True)
