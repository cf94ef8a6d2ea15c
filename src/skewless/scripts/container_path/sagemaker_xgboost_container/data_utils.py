"""Training data as a matrix."""

from skewless.scripts.toolkit.xgboost_training import (
    CSV,
    LIBSVM,
    MAX_FOLDER_DEPTH,
    PARQUET,
    RECORDIO_PROTOBUF,
    VALID_CONTENT_TYPES,
    get_content_type,
    get_dmatrix,
)

__all__ = [
    "CSV",
    "LIBSVM",
    "MAX_FOLDER_DEPTH",
    "PARQUET",
    "RECORDIO_PROTOBUF",
    "VALID_CONTENT_TYPES",
    "get_content_type",
    "get_dmatrix",
]
