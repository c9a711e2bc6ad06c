"""What memory is left, as machines and containers of several makes say it: by files below a root of our own."""

import jax
import jax.numpy as jnp
import pytest

from underdamped.process import Exact, Quadratic, Quantiles, UniformSwitching, ensembles, memory, simulate_ensemble

MIB = 2**20
MACHINE = {"proc/meminfo": "MemTotal: 4096000 kB\nMemFree: 10 kB\nMemAvailable:    2048000 kB\n"}


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def limits(group, most, used, cache=None):
    """The files of a group of version 2, in MiB."""
    files = {f"{group}/memory.max": f"{most}\n", f"{group}/memory.current": f"{used * MIB}\n"}
    return (
        files if cache is None else files | {f"{group}/memory.stat": f"anon 7\ninactive_file {cache * MIB}\nfile 3\n"}
    )


V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/memory"
CASES = {
    "caches can give back": ({}, 2048000 * 1024),
    "a container": (limits(V2, 800 * MIB, 300), 500 * MIB),
    "a container and its file cache": (limits(V2, 800 * MIB, 300, cache=200), 700 * MIB),
    "no limit": (limits(V2, "max", 300), 2048000 * 1024),
    "a limit above what the machine has": (limits(V2, 10**6 * MIB, 300), 2048000 * 1024),
    "a limit that is used up": (limits(V2, 300 * MIB, 301), 0),
    "a job inside a limited slice": (
        {"proc/self/cgroup": "0::/slice/job\n"}
        | limits(f"{V2}/slice/job", "max", 100)
        | limits(f"{V2}/slice", 600 * MIB, 200),
        400 * MIB,
    ),
    "a group that is not mounted here": (
        {"proc/self/cgroup": "0::/elsewhere/x\n"} | limits(V2, 800 * MIB, 300),
        500 * MIB,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "12:cpu,cpuacct:/other\n9:memory:/docker/abc\n0::/\n",
            f"{V1}/docker/abc/memory.limit_in_bytes": f"{700 * MIB}\n",
            f"{V1}/docker/abc/memory.usage_in_bytes": f"{400 * MIB}\n",
            f"{V1}/docker/abc/memory.stat": f"inactive_file 1\ntotal_inactive_file {50 * MIB}\n",
            f"{V1}/memory.limit_in_bytes": "9223372036854771712\n",
            f"{V1}/memory.usage_in_bytes": f"{900 * MIB}\n",
        },
        350 * MIB,
    ),
    "what cannot be read is no limit": (limits(V2, "", 300), 2048000 * 1024),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_the_least_of_machine_and_limits(name, tmp_path):
    files, expected = CASES[name]
    write(tmp_path, MACHINE | files)
    assert memory.available(tmp_path) == expected


def test_without_files_the_system_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(memory.os, "sysconf", {"SC_AVPHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert memory.available(tmp_path) == 4_096_000
    monkeypatch.delattr(memory.os, "sysconf")
    assert memory.available(tmp_path) is None


@pytest.mark.slow
def test_whole_paths_are_refused_at_the_limit_and_not_before(monkeypatch):
    target, index = Quadratic(jnp.ones((1, 2)), jnp.zeros((1, 2))), UniformSwitching(1, 0.0)
    options = {"mass": 0.0, "position": [1.0, 0.0], "times": [1.0, 2.0, 3.0], "key": jax.random.key(0), "flow": Exact()}
    paths = 64 * 3 * 2 * 2 * 4  # paths, times, position and velocity, coordinates, bytes
    needed = paths + 64 * 12  # num_switches and diverged_at
    monkeypatch.setattr(ensembles, "UNASKED", 0)
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(MemoryError, match="`num_paths` must be such that paths fit"):
        simulate_ensemble(target, index, num_paths=64, **options)
    assert simulate_ensemble(target, index, num_paths=64, statistics=("mean",), **options).mean is not None
    monkeypatch.setattr(memory, "available", lambda: needed)
    assert simulate_ensemble(target, index, num_paths=64, **options).position.nbytes * 2 == paths


@pytest.mark.parametrize(("sample_size", "kept"), [(16, 16), (10**6, 64)])
def test_statistics_are_refused_at_the_limit_and_not_before(monkeypatch, sample_size, kept):
    target, index = Quadratic(jnp.ones((1, 2)), jnp.zeros((1, 2))), UniformSwitching(1, 0.0)
    options = {"mass": 0.0, "position": [1.0, 0.0], "times": [1.0, 2.0, 3.0], "key": jax.random.key(0), "flow": Exact()}
    monkeypatch.setattr(ensembles, "UNASKED", 0)
    for statistics, sample in [(("mean",), 0), (("mean", Quantiles([0.5], sample_size)), kept * 3 * 2 * 4)]:
        needed = 64 * 12 + 3 * sample  # as gathered, joined, and sorted
        monkeypatch.setattr(memory, "available", lambda needed=needed: needed - 1)
        with pytest.raises(MemoryError, match=r"GiB for 64 paths'?: ask for fewer paths"):
            simulate_ensemble(target, index, num_paths=64, statistics=statistics, **options)
        monkeypatch.setattr(memory, "available", lambda needed=needed: needed)
        assert simulate_ensemble(target, index, num_paths=64, statistics=statistics, **options).mean is not None


def test_what_is_small_is_taken_without_asking(monkeypatch):
    options = {"mass": 0.0, "position": [1.0], "times": [1.0], "key": jax.random.key(0), "flow": Exact()}
    target, index = Quadratic(jnp.ones((1, 1)), jnp.zeros((1, 1))), UniformSwitching(1, 0.0)
    monkeypatch.setattr(memory, "available", lambda: 0)
    assert simulate_ensemble(target, index, num_paths=64, **options).position.shape == (64, 1, 1)
    with pytest.raises(MemoryError, match="`num_paths` must be such that paths fit"):
        simulate_ensemble(target, index, num_paths=2**20, **options)
