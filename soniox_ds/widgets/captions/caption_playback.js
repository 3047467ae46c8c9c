/* Words of finished captions are played on click, from there to the end of the recording. */

class CaptionPlayback {
  /** `ask(message)` requests a clip (see ClipPlayer), `changed(isPlaying)` is called when the playing begins or ends, and
      `tell(text)` when something is in the way. */
  constructor(root, captions, { longestMs, ask, changed, tell }) {
    this.captions = captions;
    this.audio = null; // {audio_id, duration_ms} of the recording that can be heard
    this.player = new ClipPlayer({ longestMs, ask, drawn: (span, timeMs) => this.items.drawn(span, timeMs), tell });
    this.items = new SpokenItems(root, captions.log, {
      player: this.player,
      spanOf: (item) => ({ audio_id: this.audio.audio_id, start_ms: captionSpan(item)[0], end_ms: this.audio.duration_ms }),
      heardAt: (_item, timeMs, items) => captionAt(items, timeMs),
      changed,
      lost: () => {
        if (!this.audio) tell("This recording cannot be heard now.");
        return !this.audio;
      },
    });
  }

  /** Let the words be heard, or no longer if `audio` is null. */
  open(audio) {
    if (!audio && this.audio) this.player.stop();
    this.audio = audio;
    if (!audio) return;
    this.captions.open();
    this.items.refresh();
  }

  close() {
    this.player.close();
  }
}

function captionSpan(item) {
  return item.dataset.span.split(" ").map(Number);
}

/** The word that began last before a time. */
function captionAt(items, timeMs) {
  const begun = items.filter((item) => item.tagName !== "BUTTON" && captionSpan(item)[0] <= timeMs);
  return begun.reduce((latest, item) => (latest && captionSpan(latest)[0] > captionSpan(item)[0] ? latest : item), null);
}
