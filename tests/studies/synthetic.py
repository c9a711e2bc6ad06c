"""Made-up records of the images study, for tests of what is shown: no network was trained for these numbers."""

import math

import numpy as np
import polars as pl

DEMO = ("SGD η=0.1", "momentum η=0.01 ρ=0.9", "hSGMP α=1 m=0.1 h=0.1", "dmSGMP α=1 m=0.9·0.99ᵏ h=0.1")
TABLE_1 = (
    "SGD η=0.01", "momentum η=0.01 ρ=0.9", "hSGMP α=1 m=0.1 h=1", "hSGMP α=10 m=0.1 h=1", "hSGMP α=15 m=0.1 h=1",
    "hSGMP α=10 m=10 h=1", "hSGMP α=10 m=1e-05 h=1", "hSGMP α=10 m=0.1 h=2", "hSGMP α=10 m=0.1 h=0.1",
    "dmSGMP α=10 m=0.1·0.995ᵏ h=1",
)  # fmt: skip


def coefficients(method, step):
    """Step, mass, momentum factor and effective rate of a method as named above, after ``step`` steps."""
    words = dict(word.split("=") for word in method.split()[1:])
    if "η" in words:
        lr, decay = float(words["η"]), float(words.get("ρ", 0.0))
        return lr, lr * decay / (1 - decay) ** 2, decay, lr / (1 - decay)
    start, _, ratio = words["m"].removesuffix("ᵏ").partition("·")
    h, alpha, mass = float(words["h"]), float(words["α"]), float(start) * float(ratio or 1.0) ** step
    return h, mass, mass / (mass + alpha * h), h / alpha


def image_records(methods=DEMO, seeds=3, epochs=12, steps_an_epoch=15, best=0.985, classes=10):
    """Learning curves of the usual shape, one row per method, seed and epoch."""
    rows = []
    for number, method in enumerate(methods):
        for seed in range(seeds):
            random = np.random.default_rng([number, seed])
            plateau = best + 0.004 * random.normal() + 0.002 * number * (-1) ** number
            for epoch in range(epochs + 1):
                lr, mass, decay, effective = coefficients(method, epoch * steps_an_epoch)
                share = 1 - math.exp(-epoch / epochs * (4 + 0.5 * number))
                accuracy = min(1 / classes + (plateau - 1 / classes) * share + 0.003 * random.normal(), 1.0)
                loss = math.log(classes) * (1 - share) + 0.04 + 0.008 * abs(random.normal())
                rows.append(
                    {
                        "method": method, "seed": seed, "epoch": epoch, "step": epoch * steps_an_epoch,
                        "train_loss": loss * 1.2 if epoch else None,
                        "train_accuracy": accuracy * 0.98 if epoch else None,
                        "test_loss": loss, "test_accuracy": accuracy,
                        "learning_rate": lr, "mass": mass, "decay": decay, "effective_lr": effective,
                        "seconds": 1.5 + 0.1 * random.random() if epoch else 0.0,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def diverged(records, method, seed, epoch):
    """The records had this run diverged at ``epoch``: its loss is NaN there, and nothing follows."""
    run = (pl.col("method") == method) & (pl.col("seed") == seed)
    lost = pl.when(run & (pl.col("epoch") == epoch)).then(float("nan"))
    return records.filter(~(run & (pl.col("epoch") > epoch))).with_columns(
        lost.otherwise(pl.col(name)).alias(name) for name in ("train_loss", "test_loss")
    )
