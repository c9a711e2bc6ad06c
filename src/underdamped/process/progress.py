"""A progress bar where there is someone to see it."""

import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec


def track(chunks: Sequence[int], progress: bool | None) -> Iterator[int]:
    """The chunks, with a bar, if standard error is a terminal or this a notebook: elsewhere rich leaves an empty line.

    Asked for by ``True``; by default where rich is installed and if there are several chunks.

    Raises:
        ModuleNotFoundError: If a bar is asked for and rich is not installed.
    """
    has_rich = find_spec("rich") is not None
    if progress and not has_rich:
        raise ModuleNotFoundError("`progress=True` needs rich: pip install rich", name="rich")
    if progress or (progress is None and has_rich and len(chunks) > 4):
        from rich.console import Console
        from rich.progress import track as with_bar

        console = Console(stderr=True)
        if console.is_jupyter or sys.stderr.isatty():
            yield from with_bar(chunks, description="paths", console=console, transient=True)
            return
    yield from chunks
