"""Read and write files with Lhotse: lhotse_files.py FOLDER. It runs in a process of its own, with Lhotse and torch.

The folder holds ``ours.jsonl``, ``ours.jsonl.gz`` and the Kaldi folder ``ours``. What Lhotse reads there is written to
``read.json``. Its own files are ``theirs.jsonl.gz`` and the Kaldi folder ``theirs``.
"""

import json
import sys
from pathlib import Path


def main(folder):
    """Write what Lhotse reads, and files of its own."""
    import lhotse  # here, because pytest imports this module to look for doctests
    from lhotse.kaldi import export_to_kaldi, load_kaldi_data_dir

    files = {name: list(lhotse.SupervisionSet.from_file(folder / name)) for name in ("ours.jsonl", "ours.jsonl.gz")}
    recordings, supervisions, _ = load_kaldi_data_dir(folder / "ours", sampling_rate=16_000)
    read = {
        **{name: [each.to_dict() | {"end": each.end} for each in segments] for name, segments in files.items()},
        "durations": {each.id: each.duration for each in recordings},
        "texts": [each.text for each in supervisions],
    }
    (folder / "read.json").write_text(json.dumps(read))
    export_to_kaldi(recordings, supervisions, folder / "theirs")
    segments = [
        lhotse.SupervisionSegment("1", "call", 0.4, 1.1, channel=1, text="hello", speaker="x", language="en"),
        lhotse.SupervisionSegment("2", "call", 2, 3),
    ]
    lhotse.SupervisionSet.from_segments(segments).to_file(folder / "theirs.jsonl.gz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
