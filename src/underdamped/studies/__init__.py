"""The paper's experiments, one module a study. Each has a frozen ``Config`` and ``run(config, run)`` -> records."""

STUDIES: dict[str, str] = {
    "nonconvex": "Fig. 6: many minima; SGD, SGMP and others, and who finds a known global minimum",
    "images": "Figs. 7, 8 and Table 1: a convolutional network on images, with SGD, momentum, hSGMP and dmSGMP",
}
"""Name of each study (its module, and its page of the report) and what it reproduces, in one line."""
