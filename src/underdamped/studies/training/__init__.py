"""Training networks side by side, each job killed and resumed at will: methods, network, loop, checkpoints, workers."""
