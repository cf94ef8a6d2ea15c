"""The tables. What a caller asked for is kept as it came (``request``); what becomes of it stands in columns.

All times are whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, MetaData, String, Table, Text

METADATA: Final = MetaData()

REVISION: Final = "0001"
"""The newest migration, which leaves the tables as they are here."""

ROLES: Final = Table(
    "roles",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("id", String(32), nullable=False),
    Column("arn", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("description", Text),
    Column("trust", Text, nullable=False),
    Column("max_session", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
)
"""Execution roles; ``trust`` is the policy document that says which services may take the role on."""

ROLE_POLICIES: Final = Table(
    "role_policies",
    METADATA,
    Column("role", String(64), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)
"""Policies that stand in a role itself."""

ATTACHED_POLICIES: Final = Table(
    "attached_policies",
    METADATA,
    Column("role", String(64), primary_key=True),
    Column("arn", String(1024), primary_key=True),
)
"""Policies that a role refers to."""

TAGS: Final = Table(
    "tags",
    METADATA,
    Column("arn", String(1024), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Tags of anything that has an ARN."""

MODELS: Final = Table(
    "models",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("arn", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("request", JSON, nullable=False),
)

ENDPOINT_CONFIGS: Final = Table(
    "endpoint_configs",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("arn", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("request", JSON, nullable=False),
)

ENDPOINTS: Final = Table(
    "endpoints",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("arn", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("failure_reason", Text),
    # What serves, or served last: the configuration's name, its variants with their models as they were then.
    Column("config", String(63)),
    Column("serving", JSON),
    # What is wanted in its place while the status is Creating or Updating.
    Column("next_config", String(63)),
    Column("next_serving", JSON),
    # Whether only weights and numbers of instances change, and the instances that run are kept.
    Column("rescale", Boolean, nullable=False, default=False),
)
"""Endpoints. ``serving`` is a list of variants that says all that is needed to start them again."""

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("arn", Text, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("secondary", String(32)),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("failure_reason", Text),
    Column("request", JSON, nullable=False),
    # A transform's model as it was when the job was made: deleting the model does not touch the job.
    Column("containers", JSON),
    Column("result", JSON),
)
"""Training, processing and transform jobs (``kind``); ``result`` is what the finished job reported."""

TRANSITIONS: Final = Table(
    "transitions",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
)
"""The steps that a job went through (``SecondaryStatusTransitions``)."""

GLUE_JOBS: Final = Table(
    "glue_jobs",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("request", JSON, nullable=False),
)

GLUE_RUNS: Final = Table(
    "glue_runs",
    METADATA,
    Column("id", String(80), primary_key=True),
    Column("job", String(255), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("started", BigInteger, nullable=False),
    # When it got its process: before that it waits, and after that its time counts.
    Column("began", BigInteger),
    Column("modified", BigInteger, nullable=False),
    Column("completed", BigInteger),
    Column("error", Text),
    Column("request", JSON, nullable=False),
)
"""Runs of Glue jobs; ``request`` is the job as it was at the start with the run's own arguments over it."""

METRICS: Final = Table(
    "metrics",
    METADATA,
    Column("namespace", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("dimensions", String(1024), primary_key=True),
    Column("unit", String(32), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("count", Float, nullable=False),
    Column("total", Float, nullable=False),
    Column("least", Float, nullable=False),
    Column("most", Float, nullable=False),
    Column("histogram", JSON, nullable=False),
)
"""One minute of one metric; ``dimensions`` is a JSON object with sorted names."""

PROCESSES: Final = Table(
    "processes",
    METADATA,
    Column("pid", Integer, primary_key=True),
    # Clock ticks since the machine's start at which it began: a pid is given out again, the pair is not.
    Column("began", BigInteger, primary_key=True),
    # Which start of the machine these ticks count from.
    Column("boot", String(36), nullable=False),
)
"""Child processes that are running, so that those of a killed gateway can be ended."""
