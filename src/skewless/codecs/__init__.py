"""Content types to and from tables and rows: CSV, JSON, JSON Lines, as the containers read and write them."""
