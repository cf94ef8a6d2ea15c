"""Training jobs that run a program of the user's own: a script, or what an image of their own starts."""
