"""A schema of the SparkML container against the bundle that it is for: which columns are read, cast and answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from skewless.containers.artifact import Artifact
from skewless.containers.sparkml_schema import SparkMLSchema
from skewless.errors import ArtifactError, SettingError
from skewless.schema import INTEGERS, Base, Field, Schema, Struct, Type
from skewless.table import DTYPES, Column
from skewless.transforms.transform import Transform


def fitted_schema(artifact: Artifact) -> SparkMLSchema | None:
    """What the bundle itself was fitted on, and the last column that it makes; None where it does not say."""
    if artifact.fitted is None or not artifact.transform.stages:
        return None
    transform = artifact.transform
    output = transform.answer
    names = transform.inputs_for((output.name,))
    inputs = tuple(field for field in transform.input_schema if field.name in names)
    return SparkMLSchema(Schema(inputs), Schema((output,)))


def bound_to(transform: Transform, schema: SparkMLSchema, fitted: bool) -> Transform:
    """The transform for this schema's columns. SettingError where they are not what was fitted."""
    fields = [
        Field(given.name, _input_type(given, transform.input_schema.get(given.name), fitted))
        for given in schema.inputs
    ]
    rest = [field for field in transform.input_schema if field.name not in schema.inputs]
    try:
        bound = Transform(transform.graph, Schema((*fields, *rest)), transform.trust)
    except ArtifactError as error:
        raise SettingError(f"the schema does not fit the bundle: {error}") from None
    for name in schema.outputs.names:
        if name not in bound.output_schema:
            continue
        absent = [needed for needed in bound.inputs_for((name,)) if needed not in schema.inputs]
        if absent:
            raise SettingError(
                f"the schema has no input {absent[0]!r}, which the output {name!r} needs",
                hint=f"It needs: {', '.join(bound.inputs_for((name,)))}.",
            )
    return bound


def _input_type(given: Field, wanted: Type | None, fitted: bool) -> Type:
    if wanted is None or wanted == given.type:
        return given.type
    same_struct = wanted.struct is given.type.struct
    if same_struct and (wanted.is_vector or _widens(given.type.base, wanted.base)):
        return wanted
    if same_struct and not fitted and given.type.struct is Struct.BASIC:
        # Nothing says what it was fitted on, so the schema is believed.
        return given.type
    raise SettingError(
        f"the schema says {given.type} for input {given.name!r}, but it was fitted as {wanted}",
        hint=f"Declare it as {wanted.base}, struct {wanted.struct}.",
    )


def _widens(given: Base, wanted: Base) -> bool:
    if given in INTEGERS and wanted in INTEGERS:
        return INTEGERS.index(given) <= INTEGERS.index(wanted)
    return given in (*INTEGERS, Base.FLOAT, Base.DOUBLE) and wanted in (Base.FLOAT, Base.DOUBLE)


def output_of(transform: Transform, wanted: Field) -> Field:
    """An output of the schema with its type in full. SettingError where the bundle makes no such column."""
    found = transform.output_schema.get(wanted.name)
    if found is None:
        raise SettingError(
            f"the schema's output {wanted.name!r} is no column of the bundle",
            hint=f"Its columns are: {transform.output_schema}.",
        )
    floating = {found.base, wanted.type.base} <= {Base.FLOAT, Base.DOUBLE}
    if found.struct is not wanted.type.struct or not (found.base is wanted.type.base or floating):
        raise SettingError(
            f"the schema says {wanted.type} for the output {wanted.name!r}, but the bundle makes {found}",
            hint=f"Declare it as type {found.base}, struct {found.struct}.",
        )
    return Field(wanted.name, found)


def same_through_text(given: Type, wanted: Type) -> bool:
    """Whether a value written as text and read as ``wanted`` is the value itself."""
    if Struct.BASIC is not given.struct or Struct.BASIC is not wanted.struct:
        return False
    if given.base in INTEGERS:
        return wanted.base is Base.DOUBLE or (wanted.base in INTEGERS and _widens(given.base, wanted.base))
    return given.base is wanted.base


def as_type(column: Column, pair: tuple[Type, Type] | None) -> Column:
    """A column of the first type as the second; None casts nothing."""
    if pair is None or pair[1].base is Base.STRING or pair[1].struct is not Struct.BASIC:
        return column
    with np.errstate(over="ignore"):
        return Column(pair[1], column.values.astype(DTYPES[pair[1].base]), column.nulls)


def cell_as_type(cell: Any, wanted: Type) -> Any:
    """The row path of `as_type`."""
    if wanted.struct is not Struct.BASIC:
        return cell
    if wanted.base is Base.DOUBLE:
        return float(cell)
    if wanted.base is Base.FLOAT:
        # As an array is cast: a whole number is rounded once, not first to a double.
        wide = np.int64(cell) if isinstance(cell, int) else np.float64(cell)
        with np.errstate(over="ignore"):
            return float(wide.astype(np.float32))
    return cell
