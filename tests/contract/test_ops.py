"""Every op, whatever it computes, keeps the same contract: one suite over the registry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest

from skewless.errors import SettingError
from skewless.ops import OPS, SPARK_READERS
from skewless.ops.op import Example, Op, Refused, Skipped, reads_spark, register
from skewless.schema import Field
from skewless.spec import Attributes, Model
from skewless.transforms.bind import BoundStage
from skewless.transforms.compiled import row_function
from skewless.transforms.parity import same
from skewless.vectors import SparseVector

EXAMPLES = [
    pytest.param(example, id=f"{name}-{number}")
    for name, op in sorted(OPS.items())
    for number, example in enumerate(op.examples())
]


def rows_of(example: Example) -> Iterator[tuple[Any, ...]]:
    for row in range(len(example.inputs[0])):
        yield tuple(column.cell(row) for column in example.inputs)


def by_rows(example: Example) -> tuple[list[Any], tuple[Any, ...] | None]:
    """The row kernel's outputs, and what it refused where it did."""
    kernel = example.op.row([column.type for column in example.inputs])
    made = []
    for number, row in enumerate(rows_of(example)):
        try:
            made.append(kernel(*row))
        except Skipped:
            continue
        except Refused as refused:
            return made, (number, refused.input, refused.message, refused.hint)
    return made, None


def by_columns(example: Example) -> tuple[list[Any], tuple[Any, ...] | None]:
    inputs: Sequence[Any] = example.inputs
    keep = example.op.keep(*inputs)
    if keep is not None:
        inputs = [column.take(keep) for column in inputs]
    try:
        made = example.op.columns(*inputs)
    except Refused as refused:
        return [], (refused.position, refused.input, refused.message, refused.hint)
    cells = [[column.cell(row) for row in range(len(column))] for column in made]
    if not cells:
        return [()] * len(inputs[0]), None
    return (cells[0] if len(cells) == 1 else list(zip(*cells, strict=True))), None


@pytest.mark.parametrize("example", EXAMPLES)
def test_both_kernels_give_the_same_bits_and_the_same_refusals(example: Example) -> None:
    rows, row_refusal = by_rows(example)
    columns, column_refusal = by_columns(example)
    assert row_refusal == column_refusal
    if row_refusal is None:
        assert len(rows) == len(columns)
        for one, other in zip(rows, columns, strict=True):
            assert same(_listed(one), _listed(other))
            assert forms(one) == forms(other)


GIVEN_UP = (None,)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_compiled_form_gives_the_same_bits_or_gives_up(example: Example) -> None:
    """What the row kernel refuses or drops is given up, and so is what an op does not care to compile."""
    types = tuple(column.type for column in example.inputs)
    inputs, outputs = (
        tuple(f"{port}{place}" for place in range(len(ports)))
        for port, ports in (("in", types), ("out", example.op.outputs))
    )
    stage = BoundStage("one", example.op, inputs, outputs, types, tuple(example.op.types(types)))
    compiled = row_function([stage], list(map(Field, inputs, types)), outputs, lambda cells: GIVEN_UP)
    kernel = example.op.row(types)
    for row in rows_of(example):
        made = compiled(row)
        try:
            wanted = kernel(*row)
        except (Refused, Skipped):
            assert made is GIVEN_UP
            continue
        if made is not GIVEN_UP:
            wanted = wanted if len(outputs) != 1 else (wanted,)
            assert same(list(made), list(wanted))
            assert forms(made) == forms(wanted)


def forms(value: Any) -> Any:
    """Of vectors, whether they are sparse: what stands downstream sums them in another order."""
    return [forms(part) for part in value] if isinstance(value, tuple) else isinstance(value, SparseVector)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_columns_made_are_of_the_declared_types(example: Example) -> None:
    declared = example.op.types([column.type for column in example.inputs])
    assert len(declared) == len(example.op.outputs)
    try:
        inputs: Sequence[Any] = example.inputs
        keep = example.op.keep(*inputs)
        if keep is not None:
            inputs = [column.take(keep) for column in inputs]
        made = example.op.columns(*inputs)
    except Refused:
        return
    assert [column.type for column in made] == list(declared)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_op_survives_its_bundle_codec(example: Example) -> None:
    op = example.op
    attributes = Attributes(op.encode(), file=None, stage=None)
    model = Model(op.name, attributes, op.encode_files(), op.encode_models())
    assert type(op).decode(model) == op


@pytest.mark.parametrize("name", sorted(OPS))
def test_examples_are_hostile(name: str) -> None:
    """Each op must bring nulls and an empty batch, so that the tests above mean something."""
    examples = list(OPS[name].examples())
    assert any(len(example.inputs[0]) == 0 for example in examples), "no empty batch"
    assert any(
        column.null_mask is not None and column.null_mask.any()
        for example in examples
        for column in example.inputs
    ), "no null"


@pytest.mark.parametrize("name", sorted(OPS))
def test_ops_are_frozen(name: str) -> None:
    example = next(iter(OPS[name].examples()))
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        example.op.name = "other"  # type: ignore[misc]


def test_a_second_op_of_one_name_is_refused_at_import() -> None:
    with pytest.raises(SettingError, match="the op 'string_indexer' is entered twice"):
        register(OPS["string_indexer"])


def test_an_op_that_is_not_in_the_table_of_contents_is_refused_at_import() -> None:
    stranger = type("Stranger", (OPS["string_indexer"],), {"name": "stranger"})
    with pytest.raises(SettingError, match="the op 'stranger' is not in FAMILIES"):
        register(stranger)
    assert "stranger" not in OPS


def test_the_table_of_contents_has_every_file_and_no_op_too_many() -> None:
    """Files that it does not have would be found when all are imported, and ops that are nowhere now."""
    program = """
import pkgutil, skewless.ops as ops
from skewless.lazy import resolve
from skewless.ops.sklearn_step import SKLEARN_REFUSED
tables = (ops.OPS, ops.SPARK_READERS, ops.SKLEARN_READERS, SKLEARN_REFUSED)
before = [set(table.items()) if table is ops.OPS else set(table) for table in tables]
for found in pkgutil.walk_packages(ops.__path__, "skewless.ops."):
    resolve(found.name)
assert before == [set(table.items()) if table is ops.OPS else set(table) for table in tables]
assert all(name == op.name for name, op in ops.OPS.items())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_op_without_a_kernel_is_refused_at_import() -> None:
    class Half(Op):
        name: ClassVar[str] = "half"

    with pytest.raises(SettingError, match=r"op Half lacks .*columns.*row"):
        register(Half)  # type: ignore[type-abstract]
    assert "half" not in OPS


@pytest.mark.parametrize("absent", ["bad_values", "mleap"])
def test_an_op_that_tells_too_little_is_refused_at_import(absent: str) -> None:
    whole = OPS["tokenizer"]
    bases = [base for base in whole.__mro__[1:] if base is not Op and issubclass(base, Op)]
    told = {
        name: value for name, value in vars(whole).items() if name not in (absent, "__slots__", "__dict__")
    }
    silent = type("Silent", tuple(bases), {**told, "name": "silent"})
    with pytest.raises(SettingError, match="op Silent must say what becomes of bad values"):
        register(silent)
    assert "silent" not in OPS


def test_a_reader_that_tells_too_little_is_refused_at_import() -> None:
    for ops, forms in (((), "one column"), ((OPS["tokenizer"],), "")):
        with pytest.raises(SettingError, match=r"the reader of x\.Y must say which ops it gives"):
            reads_spark("x.Y", ops=ops, forms=forms)
    assert "x.Y" not in SPARK_READERS
