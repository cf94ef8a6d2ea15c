"""Arrow's compute functions, which take as long to import as half of what a start needs, and few starts use.

So does a method of Arrow's arrays that computes something: ``cast``, ``take``, ``flatten``, ``drop_null``.
"""

from __future__ import annotations

from typing import Any, Final

from skewless.lazy import Late

pc: Final[Any] = Late("pyarrow.compute")
