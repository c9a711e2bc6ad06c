"""A progress bar where there is someone to see it."""

import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec


def track(chunks: Sequence[int], progress: bool | None) -> Iterator[int]:
    """The chunks, with a bar if asked for; by default on a terminal, if rich is installed and there are several."""
    wanted = progress if progress is not None else len(chunks) > 4 and sys.stderr.isatty()
    if not wanted or not find_spec("rich"):
        yield from chunks
        return
    from rich.console import Console
    from rich.progress import track as with_bar

    yield from with_bar(chunks, description="paths", console=Console(stderr=True), transient=True)
