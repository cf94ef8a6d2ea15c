"""The table of contents of operations: importing it fills ``OPERATIONS``. One line for each group of them."""

from typing import Final

from skewless.control import (
    cloudwatch,
    endpoint_configs,
    endpoints,
    glue_jobs,
    glue_runs,
    iam,
    iam_policies,
    log_events,
    logs,
    metric_data,
    models,
    processing_jobs,
    sagemaker_tags,
    sts,
    training_jobs,
    transform_jobs,
)
from skewless.control.plane import OPERATIONS

__all__ = ["GROUPS", "OPERATIONS"]

GROUPS: Final = (
    cloudwatch,
    endpoint_configs,
    endpoints,
    glue_jobs,
    glue_runs,
    iam,
    iam_policies,
    log_events,
    logs,
    metric_data,
    models,
    processing_jobs,
    sagemaker_tags,
    sts,
    training_jobs,
    transform_jobs,
)
