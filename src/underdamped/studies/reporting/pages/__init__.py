"""One module a study: its records made into a page. Nothing that computes is imported here."""
