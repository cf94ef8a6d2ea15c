"""Clients invoke without pause while the endpoint is updated, its instances are killed, and the gateway too.

Prints how many requests were sent, answered and failed. Every answer must be one of the two versions'; after an update
has ended, that version's; and only requests that were on their way when the gateway was killed may fail.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.app.cars import LABELS, Cars
from tests.gateways import Gateway, start, until
from tests.pipelines import CAR

CLIENTS: Final = 8
UPDATES: Final = 20
KILLS: Final = 2
"""How often the gateway is killed."""
SEED: Final = 7


@dataclass
class Tally:
    """What became of the requests."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: Counter[bytes] = field(default_factory=Counter)
    failures: list[tuple[float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    settled: bytes | None = None
    """The only right answer now; None while an update is under way."""


class Client(threading.Thread):
    """One connection that invokes in a loop."""

    def __init__(self, identity: Any, url: str, tally: Tally, over: threading.Event) -> None:
        super().__init__()
        self.tally, self.over = tally, over
        self.runtime = boto3.client(
            "sagemaker-runtime",
            endpoint_url=url,
            region_name=identity.region,
            aws_access_key_id=identity.access_key,
            aws_secret_access_key=identity.secret_key,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=1),
        )

    def run(self) -> None:
        while not self.over.is_set():
            wanted = self.tally.settled
            try:
                answer = self.runtime.invoke_endpoint(EndpointName="soak", Body=CAR, ContentType="text/csv")
                body: bytes = answer["Body"].read()
            except (ClientError, BotoCoreError, OSError) as error:
                with self.tally.lock:
                    self.tally.failures.append((time.monotonic(), f"{type(error).__name__}: {error}"))
                time.sleep(0.05)
                continue
            with self.tally.lock:
                self.tally.answers[body] += 1
                if body not in LABELS.values():
                    self.tally.wrong.append(f"{body!r} is no version's answer")
                # Settled before it was sent, and still when it was answered.
                if wanted is not None and self.tally.settled == wanted != body:
                    self.tally.wrong.append(f"{body!r}, though {wanted!r} serves")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Gateway]:
    made = start(tmp_path / "up")
    yield made
    made.stop()


def test_nobody_notices(up: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(SEED)
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    cars = Cars(up, Cars.make(artifacts))
    cars.endpoint("soak", "small", count=2)
    port = up.running.url.rpartition(":")[2]
    tally, over = Tally(settled=LABELS["small"]), threading.Event()
    clients = [Client(up.identity, up.running.url, tally, over) for _ in range(CLIENTS)]
    windows: list[tuple[float, float]] = []
    killed = 0
    for client in clients:
        client.start()
    try:
        for number in range(UPDATES):
            version = "capital" if number % 2 == 0 else "small"
            tally.settled = None
            cars.update("soak", version, count=2)
            tally.settled = LABELS[version]
            time.sleep(0.5)
            os.kill(chance.choice(up.children()), signal.SIGKILL)
            killed += 1
            time.sleep(0.5)
            if number in (UPDATES // 3, 2 * UPDATES // 3)[:KILLS]:
                began = time.monotonic()
                up.kill()
                up = start(up.data_dir, "--port", port)
                cars = Cars(up, artifacts)
                windows.append((began, time.monotonic() + 0.1))
        until(lambda: sum(tally.answers.values()) > 1000)
    finally:
        over.set()
        for client in clients:
            client.join()
        up.stop()
    outside = [text for at, text in tally.failures if not any(since <= at <= till for since, till in windows)]
    answered = sum(tally.answers.values())
    with capsys.disabled():
        print(
            f"\n{UPDATES} updates, {killed} instances and {len(windows)} gateways killed; "
            f"{answered + len(tally.failures):,} requests: {answered:,} answered, {len(tally.failures)} failed "
            f"while no gateway was up, {len(outside)} besides"
        )
    assert not tally.wrong, tally.wrong[:5]
    assert not outside, outside[:5]
