"""What runs in the browser beside a kernel: widgets, each with its script and style in ``static/``.

Conventions: text from data reaches the page as text, never as markup. No widget holds audio, transcripts or keys in a
synced trait: those travel as messages when they are asked for, so that a saved notebook stays small and holds nothing
of them but the table that one sees without a kernel. Widgets are imported when the first one is made.
"""
