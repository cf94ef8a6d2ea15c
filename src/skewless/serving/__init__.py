"""The data plane: one process that answers ``/ping``, ``/invocations`` and ``/execution-parameters``."""
