"""The command line: one file a group of commands; each translates and prints, the layers below do the work."""
