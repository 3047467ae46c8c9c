"""Transcripts of a dataset, in memory and as Parquet files."""
