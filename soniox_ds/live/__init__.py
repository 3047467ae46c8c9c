"""Live transcription: sessions that survive broken connections, and their results."""
