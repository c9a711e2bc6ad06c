"""Random streams that are functions of where they are used, so that no result depends on who drew before."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for. The number enters the stream: change one and the results change."""

    WEIGHTS = 0
    ORDER = 1
    AUGMENTATION = 2
    DROPOUT = 3


def stream(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """The random stream of one place of a run: the order of epoch 3, the crops of batch 7 of epoch 3.

    Streams of different places are independent, and each can be drawn from without drawing from any other: that is
    what makes a run resumable at any epoch, by any number of workers.

    Args:
        seed: The run's seed, >= 0.
        purpose: What the numbers are for.
        place: Where: epoch, batch, rank, each >= 0.

    Returns:
        A NumPy generator on Philox.

    Example:
        >>> stream(0, Purpose.ORDER, 3).permutation(5).tolist() == stream(0, Purpose.ORDER, 3).permutation(5).tolist()
        True
    """
    return np.random.Generator(np.random.Philox(_sequence(seed, purpose, place)))


def torch_seed(seed: int, purpose: Purpose, *place: int) -> int:
    """A 64-bit seed for ``torch.manual_seed``, from the same family of streams as ``stream``.

    Example:
        >>> 0 <= torch_seed(0, Purpose.DROPOUT, 1) < 2**64
        True
    """
    return int(_sequence(seed, purpose, place).generate_state(1, np.uint64)[0])


def _sequence(seed: int, purpose: Purpose, place: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *place))
