"""What runs in the process of a job's script: Spark made ready, and the modules that AWS offers there."""
