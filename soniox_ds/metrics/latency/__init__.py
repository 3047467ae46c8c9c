"""Delay and stability of live transcripts."""
