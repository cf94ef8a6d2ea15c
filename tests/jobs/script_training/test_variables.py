"""Environment and arguments of a script, against what the toolkit's own log shows of a job."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.errors import SettingError
from skewless.jobs.script_training.variables import (
    arguments,
    check_handed,
    read_script,
    resources_of,
    variables,
)

CODE = "s3://bucket/job/source/sourcedir.tar.gz"
ASKED = {
    # As version 2 of the SDK writes them: each value is JSON.
    "sagemaker_program": '"train.py"',
    "sagemaker_submit_directory": f'"{CODE}"',
    "sagemaker_container_log_level": "20",
    "sagemaker_job_name": '"job"',
    "sagemaker_region": '"us-east-1"',
    "epochs": "3",
    "learning_rate": "0.0002",
    "bf16": "true",
    "optim": '"adamw"',
    "batch-size": "64",
    "a": "1",
}
RESOURCES = resources_of({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}})
INPUTS = {
    "training": {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
}


def told(hyperparameters: dict[str, str] | None = None, image: str = "sklearn") -> dict[str, str]:
    script = read_script(hyperparameters or ASKED, {})
    return variables(script, image=image, job_name="job", resources=RESOURCES, inputs=INPUTS)


GROUP = '{"hosts":["algo-1"],"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large"}'
RESOURCES_TOLD = (
    '{"current_group_name":"homogeneousCluster","current_host":"algo-1","current_instance_type":"ml.m5.large",'
    f'"hosts":["algo-1"],"instance_groups":[{GROUP}],"network_interface_name":"eth0"}}'
)
INPUTS_TOLD = (
    '{"training":{"RecordWrapperType":"None","S3DistributionType":"FullyReplicated",'
    '"TrainingInputMode":"File"}}'
)
HPS = '{"a":1,"batch-size":64,"bf16":true,"epochs":3,"learning_rate":0.0002,"optim":"adamw"}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SM_HOSTS", '["algo-1"]'),
        ("SM_NETWORK_INTERFACE_NAME", "eth0"),
        ("SM_HPS", HPS),
        ("SM_USER_ENTRY_POINT", "train.py"),
        ("SM_FRAMEWORK_PARAMS", "{}"),
        ("SM_RESOURCE_CONFIG", RESOURCES_TOLD),
        ("SM_INPUT_DATA_CONFIG", INPUTS_TOLD),
        ("SM_OUTPUT_DATA_DIR", "/opt/ml/output/data"),
        ("SM_CHANNELS", '["training"]'),
        ("SM_CURRENT_HOST", "algo-1"),
        ("SM_CURRENT_INSTANCE_TYPE", "ml.m5.large"),
        ("SM_CURRENT_INSTANCE_GROUP", "homogeneousCluster"),
        ("SM_CURRENT_INSTANCE_GROUP_HOSTS", '["algo-1"]'),
        ("SM_INSTANCE_GROUPS", '["homogeneousCluster"]'),
        ("SM_INSTANCE_GROUPS_DICT", f'{{"homogeneousCluster":{GROUP}}}'),
        ("SM_DISTRIBUTION_INSTANCE_GROUPS", "[]"),
        ("SM_IS_HETERO", "false"),
        ("SM_MODULE_NAME", "train"),
        ("SM_LOG_LEVEL", "20"),
        ("SM_FRAMEWORK_MODULE", "sagemaker_sklearn_container.training:main"),
        ("SM_INPUT_DIR", "/opt/ml/input"),
        ("SM_INPUT_CONFIG_DIR", "/opt/ml/input/config"),
        ("SM_OUTPUT_DIR", "/opt/ml/output"),
        ("SM_NUM_CPUS", str(os.cpu_count())),
        ("SM_NUM_GPUS", "0"),
        ("SM_NUM_NEURONS", "0"),
        ("SM_MODEL_DIR", "/opt/ml/model"),
        ("SM_MODULE_DIR", CODE),
        (
            "SM_USER_ARGS",
            '["-a","1","--batch-size","64","--bf16","True","--epochs","3","--learning_rate","0.0002",'
            '"--optim","adamw"]',
        ),
        ("SM_OUTPUT_INTERMEDIATE_DIR", "/opt/ml/output/intermediate"),
        ("SM_CHANNEL_TRAINING", "/opt/ml/input/data/training"),
        ("SM_HP_BF16", "true"),
        ("SM_HP_EPOCHS", "3"),
        ("SM_HP_LEARNING_RATE", "0.0002"),
        ("SM_HP_OPTIM", "adamw"),
        ("SM_HP_BATCH-SIZE", "64"),
        ("SM_HP_A", "1"),
    ],
)
def test_a_variable(name: str, value: str) -> None:
    assert told()[name] == value


def test_there_are_no_others_but_the_training_environment() -> None:
    here = {*told()} - {"SM_TRAINING_ENV"}
    listed = test_a_variable.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert here == {name for name, _ in listed}


def test_the_training_environment() -> None:
    """Its members and their order, as one line of JSON."""
    found = told()["SM_TRAINING_ENV"]
    cpus = os.cpu_count()
    assert found == (
        '{"additional_framework_parameters":{},"channel_input_dirs":{"training":"/opt/ml/input/data/training"},'
        '"current_host":"algo-1","current_instance_group":"homogeneousCluster",'
        '"current_instance_group_hosts":["algo-1"],"current_instance_type":"ml.m5.large","distribution_hosts":[],'
        '"distribution_instance_groups":[],"framework_module":"sagemaker_sklearn_container.training:main",'
        f'"hosts":["algo-1"],"hyperparameters":{HPS},"input_config_dir":"/opt/ml/input/config",'
        f'"input_data_config":{INPUTS_TOLD},"input_dir":"/opt/ml/input",'
        f'"instance_groups":["homogeneousCluster"],"instance_groups_dict":{{"homogeneousCluster":{GROUP}}},'
        '"is_hetero":false,"is_master":true,"is_modelparallel_enabled":null,"is_smddpmprun_installed":false,'
        '"is_smddprun_installed":false,"job_name":"job","log_level":20,"master_hostname":"algo-1",'
        f'"model_dir":"/opt/ml/model","module_dir":"{CODE}","module_name":"train",'
        f'"network_interface_name":"eth0","num_cpus":{cpus},"num_gpus":0,"num_neurons":0,'
        '"output_data_dir":"/opt/ml/output/data","output_dir":"/opt/ml/output",'
        '"output_intermediate_dir":"/opt/ml/output/intermediate",'
        f'"resource_config":{RESOURCES_TOLD},"user_entry_point":"train.py"}}'
    )


@pytest.mark.parametrize(
    ("image", "module"), [("xgboost", "sagemaker_xgboost_container.training:main"), ("python", "")]
)
def test_the_framework_is_the_images(image: str, module: str) -> None:
    assert told(image=image)["SM_FRAMEWORK_MODULE"] == module


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ({"b": 1, "a": 2}, ["-a", "2", "-b", "1"]),
        (
            {"model_dir": "/opt/ml/model", "batch_size": 25},
            ["--batch_size", "25", "--model_dir", "/opt/ml/model"],
        ),
        ({"flag": True, "off": False, "none": None}, ["--flag", "True", "--none", "", "--off", "False"]),
        ({"layers": [64, "relu"]}, ["--layers", "[64, 'relu']"]),
        ({"options": {"z": 1, "y": "two"}}, ["--options", "y=two,z=1"]),
        ({"text": "a b $HOME 'c'"}, ["--text", "a b $HOME 'c'"]),
        ({"": "nameless"}, ["", "nameless"]),
    ],
)
def test_arguments(own: dict[str, Any], given: list[str]) -> None:
    assert arguments(own) == given


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ('"3"', "3"),
        ("plain text", "plain text"),
        ("1e-3", 0.001),
        ("[1, 2", "[1, 2"),
        ("[" * 2000, "[" * 2000),
        ("null", None),
        ("", ""),
    ],
)
def test_a_value_is_read_as_json_or_is_text(text: str, value: object) -> None:
    assert read_script({"sagemaker_program": "x.py", "v": text}, {}).own == {"v": value}


def test_what_the_toolkit_keeps_is_no_argument() -> None:
    script = read_script(
        {**ASKED, "_tuning_objective_metric": '"loss"', "sagemaker_mpi_enabled": "false"}, {}
    )
    assert {*script.own} == {"a", "batch-size", "bf16", "epochs", "learning_rate", "optim"}
    assert script.framework == {"sagemaker_mpi_enabled": False}
    environment = variables(script, image="sklearn", job_name="job", resources=RESOURCES, inputs=INPUTS)
    assert environment["SM_FRAMEWORK_PARAMS"] == '{"sagemaker_mpi_enabled":false}'


def test_the_jobs_variables_may_name_the_program() -> None:
    script = read_script({}, {"SAGEMAKER_PROGRAM": "a.py", "SAGEMAKER_SUBMIT_DIRECTORY": CODE})
    assert (script.program, script.directory) == ("a.py", CODE)


@pytest.mark.parametrize("value", ["", '""', "17", "null"])
def test_a_job_without_a_program_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match=r"names no script\. Give the hyperparameter sagemaker_program"):
        read_script({"sagemaker_program": value}, {})


@pytest.mark.parametrize(
    ("hyperparameters", "said"),
    [
        ({"x": '"a\\u0000b"'}, "SM_HP_X holds the character NUL"),
        ({"x": '"\\ud800"'}, "holds a half of a surrogate pair"),
        ({"a=b": "1"}, "the variable 'SM_HP_A=B' cannot be set"),
        (
            {f"x{n}": "v" * 2500 for n in range(100)},
            "SM_HPS has 2.* bytes, and no more than 131071 can be given",
        ),
    ],
)
def test_what_no_program_can_be_given_is_refused(hyperparameters: dict[str, str], said: str) -> None:
    script = read_script({"sagemaker_program": "x.py", **hyperparameters}, {})
    environment = variables(script, image="sklearn", job_name="job", resources=RESOURCES, inputs={})
    with pytest.raises(SettingError, match=said):
        check_handed(arguments(script.own), environment)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=6))
def test_any_hyperparameters_can_be_handed_over_or_are_refused(hyperparameters: dict[str, str]) -> None:
    script = read_script({**hyperparameters, "sagemaker_program": "x.py"}, {})
    environment = variables(script, image="sklearn", job_name="job", resources=RESOURCES, inputs=INPUTS)
    given_arguments = arguments(script.own)
    assert json.loads(environment["SM_USER_ARGS"]) == given_arguments
    try:
        check_handed(given_arguments, environment)
    except SettingError:
        return
    for text in [*given_arguments, *environment, *environment.values()]:
        assert b"\0" not in os.fsencode(text)
