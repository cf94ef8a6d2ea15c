"""Serves a user's script: ``python -m skewless.scripts.hosting``.

One process answers HTTP and knows the limits; others, its workers, hold the model and run the script's functions, one
request at a time each, as scripts may expect. So a function that hangs or ends its process is answered for, and pings
are answered while others compute.

What is read from environment variables stands in ``hosting.settings``; nothing else is asked for, so the program runs
by itself as well as in a container.
"""
