"""What may exist and how it may change: every operation of every service, without HTTP and without processes."""
