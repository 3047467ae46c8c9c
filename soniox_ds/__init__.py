"""A Jupyter-oriented toolkit on the Soniox speech-to-text API."""
