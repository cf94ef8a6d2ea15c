"""Content types by the names that SageMaker's toolkits give them."""

from __future__ import annotations

from typing import Final

JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
CSV: Final = "text/csv"
OCTET_STREAM: Final = "application/octet-stream"
ANY: Final = "*/*"
NPY: Final = "application/x-npy"
NPZ: Final = "application/x-npz"
UTF8_TYPES: Final = [JSON, CSV]
"""Bodies of exactly these types reach a script as text, all others as bytes."""

LIBSVM: Final = "text/libsvm"
X_LIBSVM: Final = "text/x-libsvm"
X_PARQUET: Final = "application/x-parquet"
X_RECORDIO_PROTOBUF: Final = "application/x-recordio-protobuf"
