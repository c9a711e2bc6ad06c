"""Mini-batches without replacement, drawn for all steps at once so that every method can be fed the same ones."""

import numpy as np

from underdamped import _checks


def draw_batches(
    generator: np.random.Generator, num_components: int, batch_size: int, shape: tuple[int, ...]
) -> np.ndarray:
    r"""Uniform subsets of $\{0, \dots, N-1\}$ of size $\ell$, independent of each other.

    Floyd's algorithm on all subsets side by side: $\ell$ rounds, whatever N. The order inside a subset is not uniform;
    a mean over the batch does not see it.

    Args:
        generator: where randomness comes from.
        num_components: N.
        batch_size: $\ell$, from 1 to N.
        shape: how many subsets, as axes.

    Returns:
        Integers of shape ``(*shape, batch_size)``.

    Raises:
        ValueError: If the batch is larger than the population.

    Example:
        >>> batches = draw_batches(np.random.default_rng(0), num_components=5, batch_size=5, shape=(2, 3))
        >>> np.sort(batches)[1, 2].tolist()
        [0, 1, 2, 3, 4]

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (40). Bentley and Floyd, *A sample of brilliance* (1987).
    """
    _checks.count(batch_size, "batch_size", "it is drawn without replacement", most=num_components)
    chosen = np.empty((*shape, batch_size), dtype=np.int64)
    for place in range(batch_size):
        newest = num_components - batch_size + place
        candidate = generator.integers(0, newest + 1, size=shape)
        taken = (chosen[..., :place] == candidate[..., None]).any(axis=-1)
        chosen[..., place] = np.where(taken, newest, candidate)
    return chosen
