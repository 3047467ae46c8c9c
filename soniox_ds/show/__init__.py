"""Views of transcripts, in a notebook and as plain text."""
