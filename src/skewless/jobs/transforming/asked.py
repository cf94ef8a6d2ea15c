"""What a transform job's request asks for, and the way that this makes of a pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from skewless.containers.base import BuiltIn, media_type
from skewless.containers.pipeline import Pipeline
from skewless.errors import SettingError, UnsupportedError
from skewless.jobs.transforming.engine import CHUNK, CSV, JSON, JSON_LINES, Way, records_of
from skewless.jobs.transforming.joining import CsvJoining, Joining, JsonJoining
from skewless.jobs.transforming.jsonpath import parse
from skewless.jobs.transforming.records import CsvRecords, RecordIO, Records

MOST_MB: Final = 100
"""What MaxPayloadInMB, and its product with MaxConcurrentTransforms, may be."""

_STRATEGIES: Final = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
_JSONS: Final = (JSON, JSON_LINES)


class S3DataSource(msgspec.Struct, rename="pascal"):
    """Which objects."""

    s3_data_type: str = msgspec.field(name="S3DataType")
    s3_uri: str = msgspec.field(name="S3Uri")


class DataSource(msgspec.Struct):
    """Where the input is."""

    s3: S3DataSource = msgspec.field(name="S3DataSource")


class TransformInput(msgspec.Struct, rename="pascal"):
    """What comes in."""

    data_source: DataSource
    content_type: str | None = None
    compression_type: str = "None"
    split_type: str = "None"


class TransformOutput(msgspec.Struct, rename="pascal"):
    """What comes out."""

    path: str = msgspec.field(name="S3OutputPath")
    accept: str | None = None
    assemble_with: str = "None"


class ClientConfig(msgspec.Struct):
    """How calls are made."""

    timeout: int = msgspec.field(name="InvocationsTimeoutInSeconds", default=600)
    retries: int = msgspec.field(name="InvocationsMaxRetries", default=3)


class DataProcessing(msgspec.Struct, rename="pascal"):
    """Filters and the join."""

    input_filter: str = "$"
    output_filter: str = "$"
    join_source: str = "None"


class TransformRequest(msgspec.Struct, rename="pascal"):
    """CreateTransformJob's members that have an effect here."""

    transform_input: TransformInput
    transform_output: TransformOutput
    max_concurrent_transforms: int | None = None
    max_payload: int | None = msgspec.field(name="MaxPayloadInMB", default=None)
    batch_strategy: str | None = None
    model_client_config: ClientConfig = msgspec.field(default_factory=ClientConfig)
    environment: dict[str, str] = {}
    data_processing: DataProcessing = msgspec.field(default_factory=DataProcessing)
    data_capture_config: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tunables:
    """What the request, then the first container, says of the calls."""

    concurrent: int
    payload_mb: int
    """0 is without limit."""
    strategy: str

    def __str__(self) -> str:
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={self.strategy}"
        )


def read_request(members: Mapping[str, Any]) -> TransformRequest:
    """The request, checked as far as no pipeline is needed. SettingError, UnsupportedError."""
    try:
        asked = msgspec.convert(dict(members), TransformRequest)
    except msgspec.ValidationError as error:
        raise SettingError(f"the request is wrong: {error}") from None
    if asked.transform_input.split_type == "TFRecord":
        raise UnsupportedError(
            "SplitType TFRecord is not supported by this version", hint="Use Line, RecordIO or None."
        )
    kind = asked.transform_input.data_source.s3.s3_data_type
    if kind not in ("S3Prefix", "ManifestFile"):
        raise UnsupportedError(
            f"S3DataType {kind} is not supported by this version", hint="Use S3Prefix or ManifestFile."
        )
    if asked.data_capture_config:
        raise UnsupportedError("DataCaptureConfig is not supported by this version", hint="Leave it out.")
    _check_product(asked.max_payload or 0, asked.max_concurrent_transforms or 1)
    return asked


def _check_product(payload_mb: int, concurrent: int) -> None:
    if payload_mb > MOST_MB:
        raise SettingError(f"MaxPayloadInMB is {payload_mb}, but {MOST_MB} is the most")
    if payload_mb * concurrent > MOST_MB:
        raise SettingError(
            f"MaxConcurrentTransforms {concurrent} times MaxPayloadInMB {payload_mb} is "
            f"{payload_mb * concurrent}, but {MOST_MB} is the most",
            hint="Lower one of them.",
        )


def environment_of(asked: TransformRequest) -> dict[str, str]:
    """What every container of the job has in its environment besides its own."""
    given = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": asked.max_payload,
        "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(asked.batch_strategy or ""),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": asked.max_concurrent_transforms,
    }
    told = {name: str(value) for name, value in given.items() if value is not None}
    return {"SAGEMAKER_BATCH": "true", **told, **asked.environment}


def tunables_of(asked: TransformRequest, pipeline: Pipeline) -> Tunables:
    """The request's figures, or else those of the first container's execution parameters."""
    container = pipeline.execution_parameters()
    payload_mb = container.max_payload_mb if asked.max_payload is None else asked.max_payload
    # 0 is as good as absent here.
    concurrent = asked.max_concurrent_transforms or 0
    if concurrent:
        _check_product(payload_mb, concurrent)
    else:
        concurrent = max(1, min(container.max_concurrent_transforms, MOST_MB // max(payload_mb, 1)))
    strategy = _STRATEGIES.get(asked.batch_strategy or "", container.batch_strategy)
    return Tunables(concurrent, payload_mb, strategy)


def threads_of(pipeline: Pipeline, tunables: Tunables) -> int:
    """How many calls are made at once: work in this process gains nothing from more than there are cores."""
    if all(isinstance(container, BuiltIn) for container in pipeline.containers):
        return min(tunables.concurrent, os.cpu_count() or 1)
    return tunables.concurrent


def way_of(
    asked: TransformRequest, pipeline: Pipeline, tunables: Tunables, on_defect: Callable[[Exception], None]
) -> Way:
    """How the request's files go through the pipeline. SettingError where its members do not fit each other.

    A call may be smaller than MaxPayloadInMB, or hold several records though the strategy is one, where the answers
    are the same: built-in containers answer every row of a body as if it were alone.
    """
    single = tunables.strategy == _STRATEGIES["SingleRecord"]
    limit = (tunables.payload_mb or MOST_MB) << 20
    way = Way(
        pipeline,
        asked.transform_input.content_type or "",
        asked.transform_output.accept,
        size=limit,
        longest=limit,
        single=single,
        lines=asked.transform_output.assemble_with == "Line",
        timeout=_longest_call(asked, pipeline),
        attempts=1 + asked.model_client_config.retries,
        on_defect=on_defect,
    )
    joining = _joining(asked, way)
    split = asked.transform_input.split_type
    if split == "None":
        return _one_call(replace(way, joining=joining), unlimited=not tunables.payload_mb)
    records: Records = RecordIO() if split == "RecordIO" else records_of(pipeline, way.content_type)
    if isinstance(joining, CsvJoining):
        records = CsvRecords()  # filters read quotes by RFC 4180, whatever the container would
    builtin = all(isinstance(container, BuiltIn) for container in pipeline.containers)
    way = replace(
        way,
        records=records,
        joining=joining,
        own_schemas=single or joining is not None,
        alone=single and not builtin,
    )
    if not single and joining is None and not tunables.payload_mb:
        return _one_call(way, unlimited=True)
    same = way.by_record or (way.lines and not way.answers_as_one)
    return replace(way, size=min(CHUNK, limit)) if builtin and same else way


def _longest_call(asked: TransformRequest, pipeline: Pipeline) -> float:
    """Seconds after which a call is given up that cannot be ended: those of programs end by themselves, each time."""
    calls = asked.model_client_config
    programs = sum(not isinstance(container, BuiltIn) for container in pipeline.containers)
    return calls.timeout * (1 + programs * (1 + calls.retries))


def _one_call(way: Way, *, unlimited: bool) -> Way:
    """Every file is one call. One without a limit goes in parts where the answers' lines can be put together again."""
    way = replace(way, single=False)
    parts = unlimited and way.kind != JSON and not way.takes_one and not way.answers_as_one
    if not parts or way.joining is not None:
        return replace(way, records=None)
    records = records_of(way.pipeline, way.content_type)
    return replace(way, records=records, one_response=True, size=CHUNK)


def _joining(asked: TransformRequest, way: Way) -> Joining | None:
    """The data processing; None where there is none to do."""
    processing = asked.data_processing
    filters = parse(processing.input_filter or "$"), parse(processing.output_filter or "$")
    join = processing.join_source == "Input"
    if not join and filters == ((), ()):
        return None
    last = way.pipeline.containers[-1]
    answered = media_type(way.accept or (last.default_accept if isinstance(last, BuiltIn) else None))
    if not (way.kind == answered == CSV or (way.kind in _JSONS and answered in _JSONS)):
        raise SettingError(
            f"DataProcessing needs ContentType and Accept of one family, not {way.kind or 'none'} and "
            f"{answered or 'none'}",
            hint="Set both to text/csv, or to application/json or application/jsonlines.",
        )
    split, assemble = asked.transform_input.split_type, asked.transform_output.assemble_with
    if split != assemble or (split != "Line" and not (split == "None" and way.kind == JSON)):
        raise SettingError(
            f"DataProcessing needs SplitType and AssembleWith to be Line, not {split} and {assemble}",
            hint="Set both to Line; for application/json both may be None, and an object is one record.",
        )
    return (CsvJoining if way.kind == CSV else JsonJoining)(*filters, join)
