"""Makes processes match the store: instances of endpoints, jobs, the embedded S3. They never write it; this does."""
