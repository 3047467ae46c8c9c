"""Recordings to transcribe: files, manifests, tables and URLs."""
