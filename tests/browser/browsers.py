"""Chromium with a fake microphone, driven by Playwright."""

import os
import shutil
from pathlib import Path

from jupyter_lab import INSECURE_HOST, PATIENCE_S

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
FLAGS = [
    "--headless=new",  # the old headless shell has no microphone
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
]
# with these no real microphone is found either
NO_SOUND = {"PULSE_SERVER": "/dev/null", "PIPEWIRE_REMOTE": "/dev/null", "ALSA_CONFIG_PATH": "/dev/null"}


def browser_path():
    """Return the path of the first browser that is installed; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class Browsers:
    """Browsers that are started when a test first asks for one with such a microphone and such flags.

    The fake microphone reads its file anew whenever a page begins to record. The file is a link, so that one browser
    serves tests with different sounds.
    """

    MOST = 3  # running at a time; each takes some 400 MB

    def __init__(self, playwright, executable, folder):
        self._playwright = playwright
        self._executable = executable
        self._folder = folder
        self._sound = folder / "sound.wav"
        self._started = 0
        self._browsers = {}  # the one that was used last is the last one
        self._kept = []

    def tab(self, mic, wav, loop, flags, viewport, url=None):
        """Return a tab of this size of the browser with these properties, and the folder of the browser's profile.

        The tab is one that an earlier test has left with Lab at `url` in it, or else it is new and empty.
        """
        link = self._folder / "sound.new"
        link.symlink_to(Path(wav).absolute())
        link.replace(self._sound)
        properties = (mic, loop, *flags)
        context, profile = self._browsers.pop(properties, None) or self._start(mic, loop, flags)
        self._browsers[properties] = context, profile
        tab = next((tab for tab in self._kept if url and tab.context == context and tab.url.startswith(url)), None)
        if tab:
            self._kept.remove(tab)
        else:
            tab = context.new_page()
        tab.set_viewport_size(dict(zip(("width", "height"), viewport, strict=True)))
        return tab, profile

    def _start(self, mic, loop, flags):
        self._started += 1
        profile = self._folder / f"browser-{self._started}"
        device = [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={self._sound}{'' if loop else '%noloop'}",
        ]
        context = self._playwright.chromium.launch_persistent_context(
            profile,
            executable_path=self._executable,
            headless=True,
            chromium_sandbox=False,
            permissions=[] if mic == "deny" else ["microphone"],
            reduced_motion="reduce",  # a dot that blinks has the page drawn sixty times a second, a third of all work
            args=[*FLAGS, *(device if mic != "none" else []), *flags],
            env=dict(os.environ) | (NO_SOUND if mic == "none" else {}),
            timeout=PATIENCE_S * 1000,
        )
        return context, profile

    def close_tabs(self, kept):
        """Close all tabs but these and the empty one with which each browser starts and without which it would end.

        Of more browsers than `MOST`, those are ended that were not used for longest.
        """
        while len(self._browsers) > self.MOST:
            context, _ = self._browsers.pop(next(iter(self._browsers)))
            context.close()
        contexts = [context for context, _ in self._browsers.values()]
        self._kept = [tab for tab in (*self._kept, *kept) if tab.context in contexts]
        for context in contexts:
            for tab in context.pages[1:]:
                if tab not in self._kept:
                    tab.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        """End all browsers."""
        for context, _ in self._browsers.values():
            context.close()
