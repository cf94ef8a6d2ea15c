"""Random pipelines of stages with random rows: what the tests of the compiled row path search for differences."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from hypothesis import strategies as st

from skewless.ops.assemble import VectorAssembler
from skewless.ops.blas import Coefficients, Order
from skewless.ops.classifiers import FEATURES, PROBABILITY, RAW
from skewless.ops.fitted import Matrix
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.linear import LinearRegression, LinearSVC
from skewless.ops.logistic import LogisticRegression
from skewless.ops.lookups import StringMap
from skewless.ops.norms import Normalizer
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.op import Op, TypeRefused
from skewless.ops.scale import MaxAbsScaler, MinMaxScaler, StandardScaler
from skewless.ops.slots import VectorSlicer
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, STRING, Field, Schema, Type, vector
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector
from tests.builders import graph, stage

LABELS = [("a", "b"), ("", "ü", "a,b", "c"), ("k0\nraise SystemExit", "1.0", "__import__('os')"), ("x",)]
USUAL = [0.0, 1.0, -1.0, 0.5, 2.0, 3.25, -7.125, 0.1, 1e-3]
ODD = [-0.0, nan, inf, -inf, 5e-324, -5e-324, 1e300, -1e300, 1.7976931348623157e308]
FITTED = st.one_of(
    st.sampled_from(USUAL), st.floats(-3, 3), st.sampled_from([0.0, -0.0, 1e300, 5e-324, inf, nan])
)
CELLS: dict[Type, tuple[list[Any], list[Any]]] = {
    DOUBLE: (USUAL, [*ODD, None]),
    FLOAT: ([0.0, 1.0, -0.5, 0.25], [-0.0, nan, inf, None]),
    INT: ([0, 1, 2, 3, -1], [2**31 - 1, None]),
    BOOLEAN: ([True, False], [None]),
    STRING: (["a", "b", "", "ü", "a,b", "x", "c", "1.0"], ["unseen", "\0", None]),
    vector(3): (
        [[1.0, 0.0, 2.0], SparseVector(3, (1,), (4.0,))],
        [[nan, -0.0, inf], SparseVector(3, (), ()), None],
    ),
}


class Made:
    """Stages so far, and the columns with their types."""

    def __init__(self, draw: Any, inputs: list[Field]) -> None:
        self.draw = draw
        self.columns = {field.name: field.type for field in inputs}
        self.stages: list[Any] = []

    def of(self, *kinds: str) -> list[str]:
        """The columns of these kinds: string, number, vector."""

        def kind(type_: Type) -> str:
            return "vector" if type_.is_vector else "string" if type_.is_string else "number"

        return [name for name, type_ in self.columns.items() if kind(type_) in kinds]

    def add(self, op: Op, inputs: list[str]) -> None:
        """Put a stage behind the others, where it fits."""
        try:
            types = op.types([self.columns[name] for name in inputs])
        except TypeRefused:
            return
        number = len(self.stages)
        names = [f"s{number}o{place}" for place in range(len(types))]
        self.stages.append(stage(f"s{number}", op, inputs, names))
        self.columns.update(zip(names, types, strict=True))

    def floats(self, size: int) -> tuple[float, ...]:
        return tuple(self.draw(FITTED) for _ in range(size))


def _index(made: Made) -> None:
    labels, invalid = (
        made.draw(st.sampled_from(LABELS)),
        made.draw(st.sampled_from(["keep", "keep", "error", "skip"])),
    )
    op: Op = StringIndexer(labels, invalid)
    if made.draw(st.integers(0, 4)) == 0:
        op = StringMap(labels, made.floats(len(labels)), "keep" if invalid == "keep" else "error", 2.0)
    made.add(op, [made.draw(st.sampled_from(made.of("string", "number")))])


def _hot(made: Made) -> None:
    given = made.draw(st.lists(st.sampled_from(made.of("number")), min_size=1, max_size=3))
    sizes = tuple(made.draw(st.integers(1, 6)) for _ in given)
    made.add(
        OneHotEncoder(sizes, made.draw(st.booleans()), made.draw(st.sampled_from(["error", "keep"]))), given
    )


def _assemble(made: Made) -> None:
    given = made.draw(st.lists(st.sampled_from(made.of("number", "vector")), min_size=1, max_size=8))
    sizes = tuple(made.columns[name].size for name in given)
    made.add(VectorAssembler(sizes, made.draw(st.sampled_from(["error", "error", "keep", "skip"]))), given)


def _scale(made: Made) -> None:
    column = made.draw(st.sampled_from(made.of("vector")))
    size = made.columns[column].size or 0
    one, other = made.floats(size), tuple(map(abs, made.floats(size)))
    ops = [
        StandardScaler(one, other),
        StandardScaler(None, other),
        StandardScaler(one, None),
        MaxAbsScaler(other),
        MinMaxScaler(
            one, other, *made.draw(st.sampled_from([(0.0, 1.0), (-1.0, 3.0), (-0.0, 1.0), (-5e-324, 0.0)]))
        ),
        Normalizer(2.0),
        VectorSlicer(tuple(range(0, size, 2))),
    ]
    made.add(made.draw(st.sampled_from(ops)), [column])


def _model(made: Made) -> None:
    column = made.draw(st.sampled_from(made.of("vector")))
    size = made.columns[column].size or 0
    order = made.draw(st.sampled_from([Order(4), Order(2), Order(4, True)]))
    classes = made.draw(st.integers(1, 4))
    sparse = made.draw(st.booleans())
    rows = tuple(Coefficients(made.floats(size), sparse, order) for _ in range(classes))
    source, (intercept, *_) = made.draw(st.sampled_from([RAW, PROBABILITY, FEATURES])), made.floats(1)
    ops = [
        LinearRegression(rows[0], intercept),
        LinearSVC(rows[0], intercept, 0.25),
        LogisticRegression(Matrix(rows[:1]), (intercept,), False, 0.3, None, source),
        LogisticRegression(
            Matrix(rows, made.draw(st.booleans())), made.floats(classes), True, 0.5, None, source
        ),
    ]
    made.add(made.draw(st.sampled_from(ops)), [column])


def _name(made: Made) -> None:
    made.add(
        IndexToString(made.draw(st.sampled_from(LABELS))), [made.draw(st.sampled_from(made.of("number")))]
    )


@st.composite
def pipelines(draw: Any) -> tuple[Transform, list[str], list[list[Any]]]:
    """A transform, some of its columns, and rows of values for its inputs."""
    types = draw(st.lists(st.sampled_from([DOUBLE, DOUBLE, STRING, STRING, *CELLS]), min_size=1, max_size=6))
    inputs = [Field(f"c{place}", type_) for place, type_ in enumerate(types)]
    made = Made(draw, inputs)
    makers = {_index: ("string", "number"), _hot: ("number",), _assemble: ("number", "vector")}
    makers |= {_scale: ("vector",), _model: ("vector",), _name: ("number",)}
    for _ in range(draw(st.integers(1, 9))):
        possible = [maker for maker, kinds in makers.items() if made.of(*kinds)]
        draw(st.sampled_from(possible))(made)
    transform = Transform(graph(*made.stages), Schema(tuple(inputs)))
    outputs = draw(st.lists(st.sampled_from(list(made.columns)), min_size=1, max_size=3, unique=True))
    odd = draw(st.booleans())
    cells = [CELLS[type_][0] + (CELLS[type_][1] if odd else []) for type_ in types]
    rows = draw(st.lists(st.tuples(*map(st.sampled_from, cells)), min_size=1, max_size=6))
    return transform, outputs, [list(row) for row in rows]
