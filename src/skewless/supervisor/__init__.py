"""Makes processes match the store: instances of endpoints, and jobs. They never write it; this does."""
