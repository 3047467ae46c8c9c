"""The public names of `sx.io`."""

from ..sources.transcript_files import read_transcripts as read_transcripts
from ..corpus.samples import read_sample_turns as read_sample_turns, samples_folder as samples_folder
from .csv import write_csv as write_csv
from .ctm import read_ctm as read_ctm, write_ctm as write_ctm
from .documents import to_documents as to_documents
from .eaf import read_eaf as read_eaf, write_eaf as write_eaf
from .excel import write_excel as write_excel
from .huggingface import to_huggingface as to_huggingface, write_huggingface as write_huggingface
from .kaldi import read_kaldi as read_kaldi, write_kaldi as write_kaldi
from .lhotse import read_lhotse as read_lhotse, write_lhotse as write_lhotse
from .nemo import read_nemo as read_nemo, write_nemo as write_nemo
from .rttm import read_rttm as read_rttm, write_rttm as write_rttm
from .seglst import read_seglst as read_seglst, write_seglst as write_seglst
from .soniox import write_soniox as write_soniox
from .srt import read_srt as read_srt, write_srt as write_srt
from .stm import read_stm as read_stm, write_stm as write_stm
from .textgrid import read_textgrid as read_textgrid, write_textgrid as write_textgrid
from .trn import read_trn as read_trn, write_trn as write_trn
from .txt import write_txt as write_txt
from .vtt import read_vtt as read_vtt, write_vtt as write_vtt
from .webdataset import write_webdataset as write_webdataset
