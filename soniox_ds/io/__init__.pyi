"""The public names of `sx.io`."""

from ..corpus.transcript_files import read_transcripts as read_transcripts
from .rttm import read_rttm as read_rttm, write_rttm as write_rttm
