"""Speaker turns, diarization errors and words by speaker."""
