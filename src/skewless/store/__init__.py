"""State as rows, in SQLite by default and PostgreSQL by URL: tables, connections and migrations."""

from skewless.store.store import Store

__all__ = ["Store"]
