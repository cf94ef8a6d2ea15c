"""The script that serves a skops file."""
