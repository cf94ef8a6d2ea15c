"""The car pipeline converted, whole, for ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import StringTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from xgboost import XGBClassifier

from benchmarks.peers.cars import Cars


def session_of(model: bytes) -> Any:
    """A session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OnnxCars:
    """The whole graph in ONNX Runtime: six texts in, the label's name out."""

    def __init__(self, cars: Cars) -> None:
        self.session = session_of(onnx_model(cars))
        self.columns = cars.columns

    def inputs(self, row: list[str]) -> dict[str, Any]:
        """What a call takes."""
        return {name: np.array([[value]], object) for name, value in zip(self.columns, row, strict=True)}

    def label(self, row: list[str]) -> str:
        """What it answers for one car."""
        return str(self.session.run(["cat"], self.inputs(row))[0][0])


def onnx_model(cars: Cars) -> bytes:
    """The pipeline converted, with a last node that names the class."""
    update_registered_converter(
        XGBClassifier,
        "XGBoostXGBClassifier",
        calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    made = convert_sklearn(
        cars.pipeline,
        initial_types=[(name, StringTensorType([None, 1])) for name in cars.columns],
        options={id(cars.model): {"zipmap": False}},
        target_opset={"": 15, "ai.onnx.ml": 3},
    )
    label = made.graph.output[0].name
    named = onnx.helper.make_node(
        "LabelEncoder",
        [label],
        ["cat"],
        domain="ai.onnx.ml",
        keys_int64s=list(range(len(cars.labels))),
        values_strings=cars.labels,
    )
    made.graph.node.append(named)
    made.graph.output.append(onnx.helper.make_tensor_value_info("cat", onnx.TensorProto.STRING, [None]))
    return bytes(made.SerializeToString())
