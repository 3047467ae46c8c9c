"""The public names of `sx.io`."""

from ..corpus.transcript_files import read_transcripts as read_transcripts
from .rttm import read_rttm as read_rttm, write_rttm as write_rttm
from .srt import read_srt as read_srt, write_srt as write_srt
from .vtt import read_vtt as read_vtt, write_vtt as write_vtt
