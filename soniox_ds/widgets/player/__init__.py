"""Sound where the words are: clips of recordings, cut by the kernel and played by the page.

Any widget can play clips. In the kernel, it answers the message ``clip`` by ``clips.answer_clip`` with the `Sounds` of
its recordings. In the page, it adds ``player/clip_player.js`` to its scripts and makes a ``ClipPlayer``, which asks for
clips by ``{type: "clip", audio_id, start_ms, end_ms}`` and is given the answers. `SpokenView` is the widget that shows
a static view (a transcript, an alignment, a concordance) whose words can be heard.
`SpokenItems` in ``spoken_items.js`` handles keyboard and mouse of words that can be heard, here and in the captions of
the microphone, and ``waveform.js`` draws the sound for the explorer and the review queue.
"""
