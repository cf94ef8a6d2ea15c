"""R formulas: Spark's RFormulaModel, which comes down to the stages that it is saved with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from skewless.errors import UnsupportedError
from skewless.ops.arithmetic import Coalesce
from skewless.ops.assemble import VectorAssembler
from skewless.ops.interaction import Interaction
from skewless.ops.labels import StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.op import SPARK_READERS, Lowered, SparkStage, reads_spark

# They drop and rename what only the schema shows: temporary columns, and the names of slots.
_SHOWS_LESS: Final = (
    "org.apache.spark.ml.feature.ColumnPruner",
    "org.apache.spark.ml.feature.VectorAttributeRewriter",
)


@reads_spark(
    "org.apache.spark.ml.feature.RFormulaModel",
    ops=(StringIndexer, OneHotEncoder, Interaction, VectorAssembler, Coalesce),
    forms="every formula; error, keep, skip; indexed and numeric labels, which may be missing at prediction",
)
def _read(stage: SparkStage) -> Iterator[Lowered]:
    """The formula's own stages, whose columns but the features are temporary, and then the label.

    Source: Spark's RFormulaModel.transform and transformLabel.
    """
    features, label = str(stage.param("featuresCol", "features")), str(stage.param("labelCol", "label"))
    indexed = False
    for child in stage.sub("pipelineModel").stages():
        if child.spark_class in _SHOWS_LESS:
            continue
        support = SPARK_READERS.get(child.spark_class)
        if support is None:
            raise UnsupportedError(
                f"{stage}: it has {child}, which no RFormula has that this version knows",
                hint="Save the model again with Spark 3 or 4.",
            )
        makes_label = child.columns("output") == (label,)
        indexed |= makes_label
        for lowered in support.read(child):
            shown = makes_label or lowered.outputs == (features,)
            yield replace(lowered, temporary=not shown, optional=makes_label)
    read = str(stage.fitted()["label"])
    # Spark leaves a label column alone that is there already.
    if read and not indexed and read != label and stage.sizes(label) is None:
        yield Lowered(Coalesce((True,)), (read,), (label,), optional=True)
