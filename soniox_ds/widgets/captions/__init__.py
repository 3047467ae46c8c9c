"""Captions of a recording that is played, and the lines that the microphone shows too."""
