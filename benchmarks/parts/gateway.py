"""InvokeEndpoint through `skewless up`: requests of boto3's own making, signed before the clock starts."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.load import Request, post, put, write
from benchmarks.places import Budget, cores
from benchmarks.processes import cpu_seconds, move, on
from benchmarks.summary import summary, tail
from tests.gateways import Gateway, start, until
from tests.wire.captured import catch

NAME: Final = "cars"
CONNECTIONS: Final = 32
_RUNTIMES: Final = {
    "sagemaker-sparkml-serving": "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.4",
    "xgboost": "433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest",
}


def gateway(work: Path, budget: Budget) -> dict[str, Any]:
    """The gateway on one core; the instance and the client share the other."""
    server, client = cores()
    with deployed(work, server) as up:
        (instance,) = (pid for pid in up.children() if _is_instance(pid))
        move(instance, client)
        requests = signed(up, work, budget)
        address = up.running.url.partition("://")[2]
        rates, cores_rates, latencies = [], [], list[float]()
        options: dict[str, Any] = {"connections": CONNECTIONS, "core": client}
        put(address, requests, seconds=max(1.0, budget.load), **options).check()
        for _ in range(budget.turns):
            before = cpu_seconds(up.process.pid)
            load = put(address, requests, seconds=max(1.0, budget.load), **options).check()
            spent = cpu_seconds(up.process.pid) - before
            rates.append(load.rate)
            cores_rates.append(len(load.latencies) / spent)
            latencies += [float(one) / 1e3 for one in load.latencies]
        return {"rate": summary(rates), "per_core": summary(cores_rates), "latency": tail(latencies)}


@contextmanager
def deployed(work: Path, core: int) -> Iterator[Gateway]:
    """A gateway with an endpoint that serves cars."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with on(core):
            up = start(folder)
        try:
            shutil.copytree(work / "cars", up.folder.s3 / NAME)
            _deploy(up, work)
            yield up
        finally:
            up.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _deploy(up: Gateway, work: Path) -> None:
    client = up.client("sagemaker")
    client.create_model(ModelName=NAME, ExecutionRoleArn=up.role, Containers=_containers(work))
    variant = {
        "VariantName": "all",
        "ModelName": NAME,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1.0,
    }
    client.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)

    def state() -> str | None:
        told: str = client.describe_endpoint(EndpointName=NAME)["EndpointStatus"]
        return None if told == "Creating" else told

    if (found := until(state, 120)) != "InService":
        raise SystemExit(f"bench: the endpoint is {found}")


def _containers(work: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load((work / "cars" / "pipeline.yaml").read_text())
    return [
        {
            "Image": _RUNTIMES[one["image"]],
            "ModelDataUrl": f"s3://{NAME}/{one['model_data']}",
            "Environment": one["environment"],
        }
        for one in document["containers"]
    ]


def _is_instance(pid: int) -> bool:
    return b"skewless.serving.instance" in Path(f"/proc/{pid}/cmdline").read_bytes()


def signed(up: Gateway, work: Path, budget: Budget) -> Path:
    """A request for every car, each with its own signature, and the label that must come back."""
    client = up.client("sagemaker-runtime")
    rows = json.loads((work / "cars" / "recipe.json").read_text())["rows"][: budget.requests]
    labels = json.loads((work / "cars" / "answers.json").read_text())
    host = up.running.url.partition("://")[2]
    requests = []
    for row, label in zip(rows, labels, strict=False):
        asked = catch(
            client, "invoke_endpoint", EndpointName=NAME, ContentType="text/csv", Body=",".join(row).encode()
        )
        headers = [(name.lower(), value) for name, value in asked.headers]
        requests.append(Request(post(asked.path.decode(), asked.body, headers, host), label.encode()))
    return write(requests, work / "gateway.requests")
