"""Where and with what something was computed: versions, commit, machine, command line."""

import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PACKAGES = ("underdamped", "torch", "lightning-fabric", "jax", "jaxlib", "optax", "diffrax", "numpy", "scipy")
_PACKAGES += ("scikit-learn", "pillow", "polars", "matplotlib")


def describe_environment(config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What somebody needs to know to compute the same numbers again, or to see why theirs differ.

    Versions come from the installed packages' metadata: no package is imported for it.

    Args:
        config: The configuration, for its ``seed`` or ``seeds``.

    Returns:
        A dictionary for JSON: date, command, seed, commit, python, packages, system, processor, cores, memory, GPUs.

    Example:
        >>> describe_environment({"seed": 3})["seed"]
        3
    """
    seeds = {name: (config or {})[name] for name in ("seed", "seeds", "num_seeds") if name in (config or {})}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),  # where it is installed is nobody's business
        **seeds,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "system": platform.platform(),
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "gpus": _gpus(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _output(*command: str, timeout: float = 10.0) -> str | None:
    """What ``command`` prints, or None where it is missing, fails or hangs."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _commit() -> str | None:
    """The commit of this source, marked if files differ from it; None unless git tracks this very file."""
    here = Path(__file__).resolve()
    git = ("git", "-C", str(here.parent))
    # An installed copy may lie inside somebody else's repository (a .venv there): that commit would say nothing.
    if _output(*git, "ls-files", "--error-unmatch", here.name) is None:
        return None
    commit = _output(*git, "rev-parse", "HEAD")
    changed = _output(*git, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with uncommitted changes" if commit and changed else commit


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int | None:
    """Cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _gpus() -> list[str]:
    names = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return names.splitlines() if names else []
