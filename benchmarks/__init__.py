"""Figures, measured here: each is a ratio within one run, or a bound that the machine's speed does not move."""
