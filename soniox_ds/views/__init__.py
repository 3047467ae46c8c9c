"""Transcripts to look at, in a notebook and in plain text."""
