"""Notebook widgets. A folder holds the Python, the JavaScript and the CSS of one widget.

Conventions: text from data reaches the page as text, never as markup. No widget holds audio, transcripts or keys in a
synced trait. They are sent as messages on request, so that a saved notebook stays small and contains only the static
table that is shown without a kernel. Widgets are imported when the first one is made.
"""
