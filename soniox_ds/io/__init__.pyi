"""The public names of `sx.io`."""

from .rttm import read_rttm as read_rttm, write_rttm as write_rttm
