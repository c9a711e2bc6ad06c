"""The paper's experiments, one module a study. Each has a frozen ``Config`` and ``run(config, run)`` -> records."""

STUDIES: dict[str, str] = {
    "escape": "Figs. 1, 2 and 4: a false minimiser is passed with enough mass; and what subsampling does there",
    "limits": "Theorems 5, 6, 15, 18, Prop. 22, Lemma 32: each measured, with a verdict",
    "convex": "Fig. 5: random quadratics with SGD, hSGMP and dmSGMP; real regressions against the usual optimisers",
    "nonconvex": "Fig. 6: many minima; SGD, SGMP and others, and who finds a known global minimum",
    "functional": "Regression with functional data (the predecessor, 2023): seven index processes, then momentum",
    "images": "Figs. 7, 8 and Table 1: a convolutional network on images, with SGD, momentum, hSGMP and dmSGMP",
}
"""Name of each study (its module, and its page of the report) and what it reproduces, in one line."""
