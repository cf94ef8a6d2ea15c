"""What services and jobs say of themselves: logs and metrics, kept on disk."""
