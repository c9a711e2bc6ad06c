"""A progress bar that shows on a terminal and nowhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(
    description: str, total: int | None, *, done: int = 0, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Give a function that moves the bar on; the bar goes to standard error, so output can be piped.

    Args:
        description: what is being done.
        total: how many units make it complete; None if that is not known.
        done: units already done.
        in_bytes: show units as bytes.

    Yields:
        ``advance(units)``.

    Example:
        >>> with progress_bar("counting", total=3) as advance:
        ...     advance(3)
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn() if in_bytes else MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=total, completed=done)
        yield lambda units: progress.advance(task, units)
