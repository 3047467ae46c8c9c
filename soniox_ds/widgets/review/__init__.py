"""The review queue: clips to be heard, judged and corrected."""
