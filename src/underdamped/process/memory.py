"""How much memory can be had: what the machine has left, and what the container or job around this process allows."""

import os
import re
from collections.abc import Iterator
from pathlib import Path


def available(root: Path = Path("/")) -> int | None:
    """Bytes that can be had without swapping or breaking a limit, file caches included; ``None`` where nobody says.

    Args:
        root: where ``proc`` and ``sys`` are mounted.
    """
    machine = _machine(root / "proc/meminfo")
    left = [*([] if machine is None else [machine]), *_version_2(root), *_version_1(root)]
    return min(left, default=None)


def _machine(meminfo: Path) -> int | None:
    """As the kernel estimates it; free pages where only those are known."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(meminfo), re.MULTILINE)
    if found:
        return int(found[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _version_2(root: Path) -> Iterator[int]:
    for group in _groups(root / "sys/fs/cgroup", _own_group(root, r"0::")):
        yield from _left(group, "memory.max", "memory.current", "inactive_file")


def _version_1(root: Path) -> Iterator[int]:
    for group in _groups(root / "sys/fs/cgroup/memory", _own_group(root, r"\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:")):
        yield from _left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _own_group(root: Path, prefix: str) -> str:
    found = re.search(rf"^{prefix}/(.*)$", _text(root / "proc/self/cgroup"), re.MULTILINE)
    return found[1].strip("/") if found else ""


def _groups(mount: Path, own: str) -> Iterator[Path]:
    """This process's group and all around it, since each may have a limit; a container sees its own as the mount."""
    group = mount / own
    yield group
    while group != mount:
        group = group.parent
        yield group


def _left(group: Path, limit: str, usage: str, cache: str) -> Iterator[int]:
    """What a limited group has left; its inactive file cache is given back when it is needed."""
    most, used = _text(group / limit).strip(), _text(group / usage).strip()
    if most.isdecimal() and used.isdecimal():  # "max" is no limit
        found = re.search(rf"^{cache} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
        yield max(int(most) - int(used) + (int(found[1]) if found else 0), 0)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""  # this system does not say
