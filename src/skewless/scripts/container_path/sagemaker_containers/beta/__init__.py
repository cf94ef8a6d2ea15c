"""Where the toolkit has its framework."""
