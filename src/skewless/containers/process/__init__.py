"""Containers that run a program: child processes that answer ``/ping`` and ``/invocations``."""
