"""Transcription of many recordings: the pipeline and its journal."""
