"""From records to a page: statistics, findings in words, figures, HTML. Nothing here computes a study."""
