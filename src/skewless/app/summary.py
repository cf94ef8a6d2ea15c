"""What is in a running gateway, asked of it as any client would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3

from skewless.app.data_dir import Identity


def summary(identity: Identity, url: str) -> Iterator[str]:
    """A line for each kind of thing, with how many there are of it and in which state."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=identity.region,
            aws_access_key_id=identity.access_key,
            aws_secret_access_key=identity.secret_key,
        )

    sagemaker, glue = client("sagemaker"), client("glue")
    yield f"buckets: {len(client('s3').list_buckets()['Buckets'])}"
    yield f"Glue jobs: {sum(len(page['Jobs']) for page in glue.get_paginator('get_jobs').paginate())}"
    for what, operation, listed, status in (
        ("training jobs", "list_training_jobs", "TrainingJobSummaries", "TrainingJobStatus"),
        ("processing jobs", "list_processing_jobs", "ProcessingJobSummaries", "ProcessingJobStatus"),
        ("transform jobs", "list_transform_jobs", "TransformJobSummaries", "TransformJobStatus"),
        ("models", "list_models", "Models", None),
        ("endpoints", "list_endpoints", "Endpoints", "EndpointStatus"),
    ):
        pages = sagemaker.get_paginator(operation).paginate(PaginationConfig={"PageSize": 100})
        found = [one for page in pages for one in page[listed]]
        states = Counter(one[status] for one in found) if status else {}
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        yield f"{what}: {len(found)}" + (f" ({told})" if told else "")
