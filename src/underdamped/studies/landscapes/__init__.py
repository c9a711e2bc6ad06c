"""Non-convex landscapes: who finds the global minimum? Problems, methods and experiments of the non-convex study."""
