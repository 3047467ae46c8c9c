"""The tables of the package: columns, types, units and meanings.

Conventions: times are whole milliseconds from the start of the audio. An unknown value is NA, never 0, "" or a missing
column. Rates and confidences lie between 0 and 1 unless stated otherwise. In Arrow and Parquet the
columns have the same types, and columns marked ``repeats`` are dictionary-encoded.

A table is defined once, in one of the modules below; its name in ``__all__`` there makes it an attribute of this
package.
"""

from soniox_ds.schema import (
    account,
    accuracy,
    annotations,
    confidence,
    languages,
    live,
    recording_ids,
    shaping,
    speakers,
    terms,
    transcripts,
)
from soniox_ds.schema.account import *
from soniox_ds.schema.accuracy import *
from soniox_ds.schema.annotations import *
from soniox_ds.schema.columns import TABLES, Column, Table
from soniox_ds.schema.confidence import *
from soniox_ds.schema.languages import *
from soniox_ds.schema.live import *
from soniox_ds.schema.recording_ids import *
from soniox_ds.schema.shaping import *
from soniox_ds.schema.speakers import *
from soniox_ds.schema.terms import *
from soniox_ds.schema.transcripts import *

__all__ = ["TABLES", "Column", "Table"]
__all__ += account.__all__
__all__ += accuracy.__all__
__all__ += annotations.__all__
__all__ += confidence.__all__
__all__ += languages.__all__
__all__ += live.__all__
__all__ += recording_ids.__all__
__all__ += shaping.__all__
__all__ += speakers.__all__
__all__ += terms.__all__
__all__ += transcripts.__all__
