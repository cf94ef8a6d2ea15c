"""Endpoints: fleets that match the store, the change from one to the next, and who answers an invocation."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

import msgspec

from skewless.containers.process.registered import Registered
from skewless.control import deployments
from skewless.control.deployments import Wanted
from skewless.control.endpoints import DIRECT, HEALTH_TIMEOUT
from skewless.control.plane import Plane
from skewless.names import container_names
from skewless.services import Services
from skewless.serving.asked import Asked
from skewless.settings import Settings
from skewless.supervisor.children import Sink
from skewless.supervisor.fleet import DeploymentError, Fleet, FleetEnded, UnknownTarget, Variant
from skewless.supervisor.hop import HopError, Reply
from skewless.supervisor.instances import Instance, Place
from skewless.supervisor.processes import forget, register
from skewless.supervisor.writing import written

_DRAIN: Final = 90.0
"""Seconds that requests under way have when their fleet is replaced: longer than the longest of them."""
_LONGEST: Final = 65.0
"""Seconds that an answer may take: SageMaker's 60, and some for the instance to say which container was late."""
_TO_TELL: Final = 30.0
"""Seconds that an instance has after its containers should have answered."""
_PAUSE: Final = 5.0
"""Seconds until a deletion that failed is tried again."""
_AGAIN: Final = 0.02
"""Seconds until another try, where an instance has just gone."""
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"
"""OpenTelemetry's variable for what a process is."""

log = logging.getLogger("skewless.supervisor")


class Invoked(NamedTuple):
    """An invocation's answer, who gave it, and the time from handing the request over to having the answer."""

    reply: Reply
    variant: str
    containers: tuple[str, ...]
    instances: int
    """How many the variant has."""
    nanoseconds: int


class WrongContainer(Exception):
    """The request names a container that cannot be asked, or none where it must."""


class Lost(Exception):
    """An instance had the request and gave no answer; ``timed_out``: not in time."""

    def __init__(self, message: str, variant: str, container: str, *, timed_out: bool) -> None:
        super().__init__(message)
        self.variant = variant
        self.container = container
        self.timed_out = timed_out


class Endpoints:
    """All endpoints that run."""

    def __init__(self, plane: Plane, services: Services, folder: Path, sockets: Path) -> None:
        self.plane = plane
        self.services = services
        self.folder = folder
        self.sockets = sockets
        self._fleets: dict[str, Fleet] = {}
        self._leaving: set[str] = set()
        """Endpoints whose end was asked for, until others of their names serve: their fleets may still be there."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def recover(self) -> None:
        """At a gateway's start: start again what served, and clear away the folders of what does not."""
        wanted = await asyncio.to_thread(deployments.endpoints, self.plane)
        kept = {one["Deployment"] for endpoint in wanted for one in endpoint.serving or ()}
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in self.folder.iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        for endpoint in wanted:
            if endpoint.serving and endpoint.status != "Deleting":
                fleet = self._fleets[endpoint.name] = self._fleet(endpoint.name, endpoint.serving)
                fleet.revive()

    async def reconcile(self) -> None:
        """Begin what the store wants and is not under way yet."""
        for wanted in await asyncio.to_thread(deployments.endpoints, self.plane):
            if wanted.name in self._tasks or wanted.status not in ("Creating", "Updating", "Deleting"):
                continue
            change = self._delete if wanted.status == "Deleting" else self._deploy
            self._tasks[wanted.name] = asyncio.create_task(self._until_done(wanted, change))

    async def invoke(
        self,
        name: str,
        variant: str | None,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        target: str | None = None,
        *,
        lost: int = 0,
    ) -> Invoked:
        """Have an instance answer, or one container of it. Lost where it had the request and gave no answer.

        UnknownTarget, WrongContainer or NoInstance where nobody can.

        A request whose instance went away is tried once more: built-in containers change nothing outside of them. It
        is not tried a third time, since it may be what ends them. ``lost``: how often one has gone away with it before.
        """
        if lost:
            await asyncio.sleep(_AGAIN)
        while True:
            fleet = self._fleet_of(name)
            if fleet is None:
                raise UnknownTarget(f"Endpoint {name} of account {self.plane.names.account} not found.")
            try:
                chosen, instance = fleet.pick(variant) or await fleet.wait(variant)
                _check_target(name, chosen, target)
                return await _ask(chosen, instance, headers, body)
            except FleetEnded:
                pass
            except HopError as error:
                lost += error.sent
                if lost > 1:
                    raise Lost(str(error), chosen.name, chosen.containers[0], timed_out=False) from None
            await asyncio.sleep(_AGAIN)

    def offer(
        self,
        name: str,
        variant: str | None,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        target: str | None,
        told: Callable[[Invoked | Exception], None],
    ) -> bool:
        """As `invoke`, where nothing but the answer has to be waited for: ``told`` gets that, or HopError, or Lost.

        False, and nothing is done, where `invoke` has to see to it.
        """
        fleet = self._fleet_of(name)
        if fleet is None:
            return False
        try:
            picked = fleet.pick(variant)
            if picked is None:
                return False
            chosen, instance = picked
            _check_target(name, chosen, target)
        except (UnknownTarget, WrongContainer):
            return False
        started = perf_counter_ns()

        def ended(outcome: Reply | Exception) -> None:
            instance.ended()
            if isinstance(outcome, Reply):
                told(_invoked(chosen, outcome, started))
            else:
                told(_late(chosen) if isinstance(outcome, TimeoutError) else outcome)

        return instance.offer(headers, body, _LONGEST, ended)

    def leave(self, name: str) -> None:
        """Take no more requests for an endpoint, from now on. Any thread may ask for it."""
        self._leaving.add(name)

    async def stop(self) -> None:
        """End all instances; the store is left as it is."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(fleet.stop(5.0) for fleet in self._fleets.values()))

    async def _until_done(self, wanted: Wanted, change: Callable[[Wanted], Any]) -> None:
        try:
            await change(wanted)
        except Exception as error:
            log.exception("endpoint %s", wanted.name)
            if wanted.status == "Deleting":
                await asyncio.sleep(_PAUSE)
            else:
                reason = f"InternalServerError: {type(error).__name__}: {error}"
                await written(partial(deployments.failed, self.plane, wanted.name, reason))
        finally:
            del self._tasks[wanted.name]
            self.plane.wake()

    async def _deploy(self, wanted: Wanted) -> None:
        assert wanted.next is not None
        old = self._fleets.get(wanted.name)
        try:
            if wanted.rescale and old is not None:
                await old.rescale(wanted.next, _DRAIN)
                await written(partial(deployments.deployed, self.plane, wanted.name))
                return
            fleet = self._fleet(wanted.name, wanted.next)
            await fleet.start()
        except DeploymentError as error:
            if not wanted.rescale:
                await self._clear(wanted.next)
            await written(partial(deployments.failed, self.plane, wanted.name, str(error)))
            return
        # From here on the new fleet answers; whoever is still on the way through the old one is waited for.
        self._fleets[wanted.name] = fleet
        self._leaving.discard(wanted.name)
        await written(partial(deployments.deployed, self.plane, wanted.name))
        if old is not None:
            await old.stop(_DRAIN)
            await self._clear(wanted.serving or ())

    async def _delete(self, wanted: Wanted) -> None:
        fleet = self._fleets.pop(wanted.name, None)
        if fleet is not None:
            await fleet.stop(_DRAIN)
        await self._clear(wanted.serving or ())
        await written(partial(deployments.removed, self.plane, wanted.name))

    def _fleet_of(self, name: str) -> Fleet | None:
        return None if name in self._leaving else self._fleets.get(name)

    async def _clear(self, variants: Sequence[dict[str, Any]]) -> None:
        for variant in variants:
            await asyncio.to_thread(shutil.rmtree, self.folder / variant["Deployment"], ignore_errors=True)

    def _fleet(self, endpoint: str, variants: Sequence[dict[str, Any]]) -> Fleet:
        return Fleet([self._variant(endpoint, definition) for definition in variants])

    def _variant(self, endpoint: str, definition: dict[str, Any]) -> Variant:
        name, folder = definition["VariantName"], self.folder / definition["Deployment"]

        def new_instance() -> Instance:
            return Instance(
                Place(
                    folder,
                    self._asked(definition),
                    {**os.environ, "PYTHONUNBUFFERED": "1", _RESOURCE: _resource(endpoint, name)},
                    self.sockets,
                    lambda instance: self._sink(endpoint, f"{name}/{instance}"),
                    lambda pid: written(partial(register, self.plane.store, pid)),
                    lambda pid: asyncio.to_thread(forget, self.plane.store, pid),
                    _longest_start(self.plane, definition),
                )
            )

        return Variant(
            name,
            definition,
            new_instance,
            definition["Weight"],
            tuple(container_names(definition["Containers"])),
        )

    def _asked(self, definition: dict[str, Any]) -> bytes:
        images = _images(self.plane, definition)
        timeout = definition.get(HEALTH_TIMEOUT)
        direct = definition.get("Mode") == DIRECT
        return msgspec.json.encode(Asked(definition["Containers"], self.services, direct, images, timeout))

    def _sink(self, endpoint: str, stream: str) -> Sink:
        group = f"/aws/sagemaker/Endpoints/{endpoint}"

        def sink(container: str | None, line: str) -> None:
            # The container of an endpoint that has one only writes to the instance's own stream.
            apart = container is not None and container != "primary"
            self.plane.logs.write(group, f"{stream}/{container}" if apart else stream, line)

        return sink


def _images(plane: Plane, definition: dict[str, Any]) -> dict[str, Registered]:
    """The programs among a variant's images that have a name."""
    named = {container["Image"] for container in definition["Containers"]}
    return {name: image for name, image in plane.images().items() if name in named}


def _longest_start(plane: Plane, definition: dict[str, Any]) -> float:
    """Seconds until a new instance has to answer: its containers have to tell first what keeps them from it."""
    told = definition.get(HEALTH_TIMEOUT) or Settings.read().health_timeout
    own = (image.health_timeout or 0 for image in _images(plane, definition).values())
    return max(told, *own, 0) + _TO_TELL


def _check_target(endpoint: str, variant: Variant, target: str | None) -> None:
    """WrongContainer where a container is named that cannot be, or none that must."""
    there = ", ".join(variant.containers)
    if variant.definition.get("Mode") != DIRECT:
        if target is not None:
            raise WrongContainer(
                f"TargetContainerHostname {target}: the containers of endpoint {endpoint} run in series. Leave the "
                "parameter out, or make a model with InferenceExecutionConfig Mode Direct."
            )
    elif target not in variant.containers:
        given = f"there is no container {target}" if target else "TargetContainerHostname is missing"
        raise WrongContainer(
            f"Endpoint {endpoint} runs one container of several, and {given}. Name one of {there}."
        )


async def _ask(
    variant: Variant, instance: Instance, headers: Iterable[tuple[str, str]], body: bytes
) -> Invoked:
    started = perf_counter_ns()
    try:
        reply = await instance.ask(headers, body, _LONGEST)
    except TimeoutError:
        raise _late(variant) from None
    return _invoked(variant, reply, started)


def _invoked(variant: Variant, reply: Reply, started: int) -> Invoked:
    spent = perf_counter_ns() - started
    return Invoked(reply, variant.name, variant.containers, len(variant.instances), spent)


def _late(variant: Variant) -> Lost:
    return Lost("timed out", variant.name, variant.containers[0], timed_out=True)


def _resource(endpoint: str, variant: str) -> str:
    """What spans of its instances say of where they come from, after what the user has them say."""
    here = f"skewless.endpoint={endpoint},skewless.variant={variant}"
    return ",".join(filter(None, (os.environ.get(_RESOURCE), here)))
