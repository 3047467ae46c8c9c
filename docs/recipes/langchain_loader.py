"""Load the transcript of a recording as a LangChain document: langchain_loader.py FILE.

Install langchain-soniox and set SONIOX_API_KEY. SONIOX_API_BASE_URL names another service, such as the stand-in.
"""

import os
import sys

from langchain_soniox import SonioxDocumentLoader
from langchain_soniox.types import SonioxTranscriptionOptions

loader = SonioxDocumentLoader(
    file_path=sys.argv[1],
    base_url=os.environ.get("SONIOX_API_BASE_URL", "https://api.soniox.com") + "/v1",
    options=SonioxTranscriptionOptions(model="stt-async-v6", language_hints=["en"], enable_speaker_diarization=True),
)
for document in loader.lazy_load():
    print(document.page_content)
