"""From sources to a corpus."""
