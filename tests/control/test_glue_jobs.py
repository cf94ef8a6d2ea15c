"""Glue jobs: what is kept of a definition, its defaults, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skewless.control.errors import ServiceError
from skewless.control.first_start import ensure_default_role
from skewless.control.plane import Members, Plane
from tests.planes import Clock, call
from tests.planes import plane as a_plane

SCRIPT = "s3://b/scripts/preprocessor.py"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with a_plane(tmp_path, clock=clock) as made:
        ensure_default_role(made)
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """For the many tests that each need one job, or none."""
    with a_plane(tmp_path_factory.mktemp("shared")) as made:
        ensure_default_role(made)
        yield made


def glue(plane: Plane, operation: str, **members: Any) -> Members:
    return call(plane, "glue", operation, **members)


def job(**changes: Any) -> Members:
    """The members of a request that makes a job; one that is None is left out."""
    members = {
        "Role": "SkewlessExecutionRole",
        "Command": {"Name": "glueetl", "ScriptLocation": SCRIPT},
        "DefaultArguments": {"--bucket": "b"},
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def refused(plane: Plane, operation: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        glue(plane, operation, **members)
    return caught.value.code, caught.value.message


def test_a_job_is_what_was_asked_for_with_glues_defaults(plane: Plane) -> None:
    now = plane.now() / 1000
    assert glue(plane, "CreateJob", Name="cars", **job(Description="d")) == {"Name": "cars"}
    assert glue(plane, "GetJob", JobName="cars")["Job"] == {
        "Name": "cars",
        "JobMode": "SCRIPT",
        "Description": "d",
        "Role": "SkewlessExecutionRole",
        "CreatedOn": now,
        "LastModifiedOn": now,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "Command": {"Name": "glueetl", "ScriptLocation": SCRIPT},
        "DefaultArguments": {"--bucket": "b"},
        "MaxRetries": 0,
        "AllocatedCapacity": 10,
        "MaxCapacity": 10.0,
        "Timeout": 2880,
        "GlueVersion": "0.9",
    }


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"GlueVersion": "5.0"}, {"Timeout": 480}),
        ({"GlueVersion": "4.0"}, {"Timeout": 2880}),
        ({"GlueVersion": "auto"}, {"Timeout": 2880}),
        ({"GlueVersion": "5.0", "Timeout": 5}, {"Timeout": 5}),
        ({"MaxCapacity": 2.0}, {"MaxCapacity": 2.0, "AllocatedCapacity": 2}),
        ({"AllocatedCapacity": 3}, {"MaxCapacity": 3.0, "AllocatedCapacity": 3}),
        (
            {"WorkerType": "G.2X", "NumberOfWorkers": 5},
            {"MaxCapacity": 10.0, "AllocatedCapacity": 10, "WorkerType": "G.2X", "NumberOfWorkers": 5},
        ),
        (
            {"Command": {"Name": "pythonshell", "ScriptLocation": SCRIPT, "PythonVersion": "3.9"}},
            {"MaxCapacity": 0.0625, "AllocatedCapacity": 0, "Timeout": 2880},
        ),
        ({"ExecutionProperty": {}}, {"ExecutionProperty": {"MaxConcurrentRuns": 1}}),
        ({"ExecutionProperty": {"MaxConcurrentRuns": 3}}, {"ExecutionProperty": {"MaxConcurrentRuns": 3}}),
        ({"DefaultArguments": None}, {"DefaultArguments": {}}),
        ({"Role": "arn:aws:iam::000000000000:role/SkewlessExecutionRole"}, {}),
    ],
)
def test_defaults_that_depend(shared: Plane, changes: Members, shown: Members) -> None:
    glue(shared, "CreateJob", Name=repr(changes), **job(**changes))
    found = glue(shared, "GetJob", JobName=repr(changes))["Job"]
    assert found == found | shown
    assert ("WorkerType" in found) == ("WorkerType" in shown)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"Role": "none"},
            "Role arn:aws:iam::000000000000:role/none should be given assume role permissions",
        ),
        ({"Command": {"ScriptLocation": SCRIPT}}, "Command.Name is None"),
        ({"Command": {"Name": "glueray", "ScriptLocation": SCRIPT}}, "'glueray', which is not supported"),
        ({"Command": {"Name": "gluestreaming", "ScriptLocation": SCRIPT}}, "'gluestreaming'"),
        ({"Command": {"Name": "glueetl"}}, "Command.ScriptLocation must be the s3:// address"),
        ({"Command": {"Name": "glueetl", "ScriptLocation": "https://b/x.py"}}, "Command.ScriptLocation"),
        ({"Command": {"Name": "glueetl", "ScriptLocation": "s3://b"}}, "Command.ScriptLocation"),
        (
            {"Command": {"Name": "glueetl", "ScriptLocation": SCRIPT, "PythonVersion": "4"}},
            "Command.PythonVersion is '4'",
        ),
        ({"MaxRetries": 11}, "MaxRetries is 11, and must be from 0 to 10"),
        ({"MaxRetries": -1}, "MaxRetries is -1"),
        ({"Timeout": 10_081}, "Timeout is 10081"),
        ({"ExecutionProperty": {"MaxConcurrentRuns": 0}}, "MaxConcurrentRuns is 0"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2.0}, "do not set Max Capacity"),
        ({"WorkerType": "G.1X"}, "set both Worker Type and Number of Workers"),
        ({"NumberOfWorkers": 2}, "set both Worker Type and Number of Workers"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 0}, "NumberOfWorkers is 0"),
        (
            {"CodeGenConfigurationNodes": {"n": {}}},
            "CodeGenConfigurationNodes (visual jobs) are not supported",
        ),
    ],
)
def test_definitions_that_are_refused(shared: Plane, changes: Members, words: str) -> None:
    code, message = refused(shared, "CreateJob", Name="refused", **job(**changes))
    assert code == "InvalidInputException"
    assert words in message
    assert refused(shared, "GetJob", JobName="refused")[0] == "EntityNotFoundException"


def test_a_name_is_taken_by_one_definition(plane: Plane, clock: Clock) -> None:
    glue(plane, "CreateJob", Name="j", **job())
    before = glue(plane, "GetJob", JobName="j")
    clock.move(1)
    assert glue(plane, "CreateJob", Name="j", **job()) == {"Name": "j"}
    code, message = refused(plane, "CreateJob", Name="j", **job(MaxRetries=1))
    assert code == "IdempotentParameterMismatchException"
    assert "Job with name j already submitted with different configuration" in message
    assert glue(plane, "GetJob", JobName="j") == before


def test_a_job_that_is_not_there(plane: Plane) -> None:
    assert refused(plane, "GetJob", JobName="none") == ("EntityNotFoundException", "Job none not found.")
    assert refused(plane, "UpdateJob", JobName="none", JobUpdate=job())[0] == "EntityNotFoundException"
    assert refused(plane, "GetJobRuns", JobName="none")[0] == "EntityNotFoundException"
    assert glue(plane, "DeleteJob", JobName="none") == {"JobName": "none"}
    assert glue(plane, "BatchGetJobs", JobNames=["none"]) == {"Jobs": [], "JobsNotFound": ["none"]}


def test_an_update_replaces_the_whole_definition(plane: Plane, clock: Clock) -> None:
    glue(plane, "CreateJob", Name="j", **job(Description="d", MaxRetries=2))
    created = plane.now() / 1000
    clock.move(1)
    glue(plane, "UpdateJob", JobName="j", JobUpdate=job(DefaultArguments=None))
    found = glue(plane, "GetJob", JobName="j")["Job"]
    assert "Description" not in found
    assert (found["MaxRetries"], found["DefaultArguments"]) == (0, {})
    assert (found["CreatedOn"], found["LastModifiedOn"]) == (created, created + 1)
    assert "needs a Role" in refused(plane, "UpdateJob", JobName="j", JobUpdate={"Description": "e"})[1]
    assert "needs a Command" in refused(plane, "UpdateJob", JobName="j", JobUpdate=job(Command=None))[1]
    assert glue(plane, "GetJob", JobName="j")["Job"] == found


def pages(plane: Plane, operation: str) -> Iterator[Members]:
    answer = glue(plane, operation, MaxResults=30)
    yield answer
    while "NextToken" in answer:
        answer = glue(plane, operation, MaxResults=30, NextToken=answer["NextToken"])
        yield answer


def test_two_hundred_jobs_in_pages(plane: Plane) -> None:
    names = [f"job-{number:03}" for number in range(200)]
    for number, name in enumerate(reversed(names)):
        glue(plane, "CreateJob", Name=name, **job(Tags={"parity": str(number % 2), "all": "x"}))
    listed = [name for answer in pages(plane, "ListJobs") for name in answer["JobNames"]]
    described = [one["Name"] for answer in pages(plane, "GetJobs") for one in answer["Jobs"]]
    assert listed == described == names
    odd = glue(plane, "ListJobs", Tags={"parity": "1", "all": "x"}, MaxResults=1000)["JobNames"]
    assert odd == names[0::2]
    token = glue(plane, "ListJobs", MaxResults=1)["NextToken"]
    for operation, more in (("GetJobs", {}), ("ListJobs", {"Tags": {"all": "x"}})):
        assert refused(plane, operation, NextToken=token, **more)[0] == "InvalidInputException"
    both = glue(plane, "BatchGetJobs", JobNames=["job-007", "none", "job-003", "job-007"])
    assert [one["Name"] for one in both["Jobs"]] == ["job-007", "job-003"]
    assert both["JobsNotFound"] == ["none"]


def test_tags_of_a_job_go_with_it(plane: Plane) -> None:
    arn = "arn:aws:glue:us-east-1:000000000000:job/a/b c"
    glue(plane, "CreateJob", Name="a/b c", **job(Tags={"k": "v"}))
    glue(plane, "TagResource", ResourceArn=arn, TagsToAdd={"k": "w", "l": ""})
    assert glue(plane, "GetTags", ResourceArn=arn) == {"Tags": {"k": "w", "l": ""}}
    glue(plane, "UntagResource", ResourceArn=arn, TagsToRemove=["l", "m"])
    assert glue(plane, "GetTags", ResourceArn=arn) == {"Tags": {"k": "w"}}
    many = {f"k{number}": "" for number in range(50)}
    assert refused(plane, "TagResource", ResourceArn=arn, TagsToAdd=many)[0] == "InvalidInputException"
    assert "NUL" in refused(plane, "TagResource", ResourceArn=arn, TagsToAdd={"k": "\0"})[1]
    glue(plane, "DeleteJob", JobName="a/b c")
    assert refused(plane, "GetTags", ResourceArn=arn)[0] == "EntityNotFoundException"
    crawler = arn.replace(":job/", ":crawler/")
    assert "no ARN of a job" in refused(plane, "GetTags", ResourceArn=crawler)[1]
    glue(plane, "CreateJob", Name="a/b c", **job())
    assert glue(plane, "GetTags", ResourceArn=arn) == {"Tags": {}}
