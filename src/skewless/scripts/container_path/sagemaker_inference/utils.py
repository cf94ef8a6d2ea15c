"""Files and headers."""

from skewless.scripts.toolkit.functions import read_file, retrieve_content_type_header, write_file

__all__ = ["read_file", "retrieve_content_type_header", "write_file"]
