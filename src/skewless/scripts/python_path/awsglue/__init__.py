"""The modules that Glue offers to scripts, as far as they are there without Glue's own engine."""
