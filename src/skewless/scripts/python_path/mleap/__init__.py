"""MLeap's names for scripts that import them; what stands behind is Skewless."""
