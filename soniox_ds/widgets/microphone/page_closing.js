/* The end of a recording whose page is closed or loaded again, whose last view is removed, or whose kernel has ended.
   page_closing.py decides when the kernel gives up a page that says nothing. */

class PageClosing {
  constructor(recorder) {
    this.recorder = recorder;
    this.onPageHide = () => this.endAtOnce();
    window.addEventListener("pagehide", this.onPageHide);
  }

  dispose() {
    window.removeEventListener("pagehide", this.onPageHide);
  }

  viewAdded() {
    this.keepRecording?.();
  }

  /** Stop a moment after the last view was removed, because a notebook may remove a view to show it elsewhere. */
  viewRemoved() {
    const { recorder } = this;
    if (!recorder.views.size) this.keepRecording = afterTimeAwake(CONSTANTS.page_closing.last_view_ms, () => recorder.stop());
  }

  /** End without waiting, because a page that is closed has no time to wait. The kernel settles what it has. */
  endAtOnce() {
    const { take, comm, gone } = this.recorder;
    if (!take || take.isOver) return;
    take.isOver = true;
    const { channel } = take.outbox;
    if (!gone) channel?.send({ type: "leave", take: take.name });
    take.capture?.release();
    take.direct?.close();
    if (channel && channel !== comm) channel.close();
  }
}
