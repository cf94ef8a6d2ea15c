"""The instances of one deployment of an endpoint: its variants, who gets the next request, and how all of it ends."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from skewless.supervisor.instances import Instance, InstanceError

_PATIENCE: Final = 30.0
"""Seconds that a request waits for an instance while all are being started again."""


class UnknownTarget(Exception):
    """There is no such endpoint or variant."""


class NoInstance(Exception):
    """No instance was ready in time."""


class FleetEnded(Exception):
    """The fleet was replaced while a request waited for it; another may answer."""


class DeploymentError(Exception):
    """A fleet could not be started; the text is the endpoint's FailureReason."""


@dataclass(slots=True)
class Variant:
    """A production variant that runs."""

    name: str
    definition: dict[str, Any]
    """As the store has it: containers, weight, count."""
    new_instance: Callable[[], Instance]
    weight: float
    containers: tuple[str, ...]
    """Their names."""
    instances: list[Instance] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether an instance answers."""
        return any(instance.ready for instance in self.instances)

    def least_busy(self) -> Instance | None:
        """Of the instances that answer."""
        best = None
        for instance in self.instances:
            if instance.ready and (best is None or instance.in_flight < best.in_flight):
                best = instance
        return best


class Fleet:
    """All variants of an endpoint as they were deployed together."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self.variants = {variant.name: variant for variant in variants}
        self._changed = asyncio.Event()
        self._ended = False

    async def start(self) -> None:
        """Start every instance; returns when all answer. DeploymentError, and nothing is left running, otherwise."""
        for variant in self.variants.values():
            variant.instances = [variant.new_instance() for _ in range(variant.definition["InstanceCount"])]
        await self._start([(v, i) for v in self.variants.values() for i in v.instances])

    async def _start(self, new: Sequence[tuple[Variant, Instance]]) -> None:
        async def one(variant: Variant, instance: Instance) -> None:
            try:
                await instance.start(self._notice)
            except InstanceError as error:
                raise DeploymentError(_failure(variant, str(error))) from None

        tasks = [asyncio.create_task(one(variant, instance)) for variant, instance in new]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(instance.stop(0) for _, instance in new))
            raise

    def revive(self) -> None:
        """Start what ran before the gateway's own start; it is kept trying, and requests wait for it."""
        for variant in self.variants.values():
            variant.instances = [variant.new_instance() for _ in range(variant.definition["InstanceCount"])]
            for instance in variant.instances:
                instance.revive(self._notice)

    async def rescale(self, definitions: Sequence[dict[str, Any]], drain: float) -> None:
        """Change weights and numbers of instances, keeping those that run. DeploymentError changes nothing."""
        more, fewer = list[tuple[Variant, Instance]](), list[Instance]()
        for definition in definitions:
            variant = self.variants[definition["VariantName"]]
            missing = definition["InstanceCount"] - len(variant.instances)
            more += [(variant, variant.new_instance()) for _ in range(missing)]
            if missing < 0:
                fewer += variant.instances[missing:]
        await self._start(more)
        for variant, instance in more:
            variant.instances.append(instance)
        for definition in definitions:
            variant = self.variants[definition["VariantName"]]
            variant.definition, variant.weight = definition, definition["Weight"]
            variant.instances = [one for one in variant.instances if one not in fewer]
        self._notice()
        await asyncio.gather(*(instance.stop(drain) for instance in fewer))

    def pick(self, wanted: str | None) -> tuple[Variant, Instance] | None:
        """Who answers the next request: a variant by weight, or the wanted one; of it the least busy instance.

        None where nobody is ready. UnknownTarget where there is no such variant.
        """
        variants = self.variants
        if wanted is not None:
            if wanted not in variants:
                raise UnknownTarget(f"Variant {wanted} not found for Request")
            variant = variants[wanted]
        elif len(variants) == 1:
            (variant,) = variants.values()
        else:
            able = [one for one in variants.values() if one.weight > 0 and one.ready]
            if not able:
                return None
            variant = random.choices(able, [one.weight for one in able])[0]
        best = variant.least_busy()
        return None if best is None else (variant, best)

    async def wait(self, wanted: str | None) -> tuple[Variant, Instance]:
        """As `pick`, as soon as somebody is ready.

        NoInstance where nobody is for so long; FleetEnded when the fleet is being stopped.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                while (picked := self.pick(wanted)) is None:
                    if self._ended:
                        raise FleetEnded
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise NoInstance("all its instances are being started again") from None
        return picked

    async def stop(self, drain: float) -> None:
        """End all instances, each when its requests have been answered or ``drain`` seconds are over."""
        self._ended = True
        self._notice()
        everyone = chain.from_iterable(variant.instances for variant in self.variants.values())
        await asyncio.gather(*(instance.stop(drain) for instance in everyone))

    def _notice(self) -> None:
        self._changed.set()


def _failure(variant: Variant, why: str) -> str:
    """The sentence that clients know, and then what was wrong."""
    named = re.split("[:,]", why, maxsplit=1)[0]
    container = named if named in variant.containers else variant.containers[0]
    told = f"{container} container" if container == "primary" else container
    return (
        f"The {told} for production variant {variant.name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. Reason: {why}"
    )
