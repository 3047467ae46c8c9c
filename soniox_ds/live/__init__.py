"""Live audio: sessions that survive their connections, and what their messages add up to."""
