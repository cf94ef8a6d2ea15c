"""Why a construct of SQL is refused at export, by name, and what to do instead."""

from __future__ import annotations

from typing import Final

_AGGREGATES: Final = """
    any any_value approx_count_distinct approx_percentile array_agg avg bit_and bit_or bit_xor bool_and bool_or
    collect_list collect_set corr count count_if covar_pop covar_samp every first first_value kurtosis last
    last_value listagg max max_by mean median min min_by mode percentile percentile_approx regr_count skewness some
    std stddev stddev_pop stddev_samp string_agg sum try_avg try_sum var_pop var_samp variance
"""
_GENERATORS: Final = "explode explode_outer inline inline_outer json_tuple posexplode posexplode_outer stack"
_CHANGING: Final = """
    current_catalog current_database current_date current_schema current_timestamp current_timezone current_user
    currentdate currenttimestamp currentuser input_file_name localtimestamp monotonically_increasing_id now rand
    random randn randstr session_user shuffle spark_partition_id unix_timestamp user uuid
"""
_MACHINES_OWN: Final = (
    "acos acosh asin asinh atan atan2 atanh cbrt cos cosh cot csc hypot sec sin sinh tan tanh"
)
_REASONS: Final = (
    (
        _AGGREGATES,
        "aggregates over several rows, but a stage sees one row at a time: compute it before fitting",
    ),
    (_GENERATORS, "makes several rows of one: do it before the pipeline"),
    (
        _CHANGING,
        "gives another value at each call, which serving cannot repeat: make it a column of the input",
    ),
    (_MACHINES_OWN, "has last bits that vary from one Java to another: make it a column of the input"),
    ("window", "looks at other rows, but a stage sees one row at a time: compute it before fitting"),
    ("subquery exists select", "is a subquery: join before the pipeline"),
)


def why_not(shown: str, name: str) -> str:
    """What is the matter with a construct or function of this name, in lower case."""
    for names, reason in _REASONS:
        if name in names.split():
            return f"{shown} {reason}"
    return (
        f"{shown} is not supported: write it with functions that are, "
        "or compute it before the pipeline (a UDF's code does not travel)"
    )
