"""Reports: one HTML page about a corpus, its contents and its accuracy."""
