"""Runs of Glue jobs: the published workflow's script with Spark, and what goes wrong in scripts without it."""

from __future__ import annotations

import os
import shutil
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import skewless
from skewless.datasets import write_car_evaluation
from skewless.services import Services
from tests.conftest import ROOT
from tests.jobs.running import Ran, alive, kill_group, outcome, run, s3, start, until

PUBLISHED = """\
from __future__ import print_function
from __future__ import unicode_literals

import os
import shutil
import sys
import tarfile
import zipfile

import boto3
import mleap.pyspark
from mleap.pyspark.spark_support import SimpleSparkSerializer
from pyspark.ml import Pipeline
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql.functions import *

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions

from shouting import shout


def csv_line(data):
    r = reduce(lambda line, d: line + unicode(",") + str(d), data[1], unicode(data[0]))
    return r


def main():
    spark = SparkSession.builder.appName("PySparkCars").getOrCreate()
    args = getResolvedOptions(sys.argv, ["JOB_NAME", "s3-input", "s3_bucket"])
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    hadoop.set("mapred.output.committer.class", "org.apache.hadoop.mapred.FileOutputCommitter")

    data = spark.read.csv(args["s3_input"], header=False)
    old = data.schema.names
    new = ["buying", "maint", "doors", "persons", "lug_boot", "safety", "cat"]
    data = reduce(lambda data, i: data.withColumnRenamed(old[i], new[i]), xrange(len(old)), data)
    data = data.dropna()

    labels = StringIndexer(inputCol="cat", outputCol="label").fit(data)
    train, validation = labels.transform(data).randomSplit([0.8, 0.2], seed=1)
    stages = [StringIndexer(inputCol=name, outputCol=name + "_i") for name in new[:2]]
    stages += [OneHotEncoder(inputCol=name + "_i", outputCol=name + "_v") for name in new[:2]]
    stages.append(VectorAssembler(inputCols=[name + "_v" for name in new[:2]], outputCol="features"))
    model = Pipeline(stages=stages).fit(train)
    predictions = model.transform(train)

    s3 = boto3.resource("s3")
    s3.Bucket(args["s3_bucket"]).objects.filter(Prefix="output/").delete()
    rows = predictions.rdd.map(lambda row: (row.label, row.features))
    rows.map(csv_line).saveAsTextFile("s3a://" + args["s3_bucket"] + "/output/train")

    s3.create_bucket(Bucket="made-by-the-script")
    glue = GlueContext(spark.sparkContext)
    frame = DynamicFrame.fromDF(validation.select("cat", "label").coalesce(1), glue, "frame")
    where = {"path": "s3://made-by-the-script/validation"}
    glue.write_dynamic_frame.from_options(frame, connection_type="s3", connection_options=where, format="csv")
    again = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [where["path"]]}, format="csv", format_options={"withHeader": True}
    )
    assert again.toDF().columns == ["cat", "label"], again.toDF().columns
    assert again.count() == validation.count()

    SimpleSparkSerializer().serializeToBundle(model, "jar:file:/tmp/model.zip", predictions)
    with zipfile.ZipFile("/tmp/model.zip") as zf:
        zf.extractall("/tmp/model")
    with tarfile.open("/tmp/model.tar.gz", "w:gz") as tar:
        tar.add("/tmp/model/bundle.json", arcname="bundle.json")
        tar.add("/tmp/model/root", arcname="root")
    s3.Bucket(args["s3_bucket"]).upload_file("/tmp/model.tar.gz", "model/model.tar.gz")
    converter = IndexToString(inputCol="label", outputCol="cat", labels=labels.labels)
    SimpleSparkSerializer().serializeToBundle(converter, "jar:file:/tmp/postprocess.zip", predictions)
    s3.Bucket(args["s3_bucket"]).upload_file("/tmp/postprocess.zip", "model/postprocess.zip")
    os.remove("/tmp/model.zip")
    shutil.rmtree("/tmp/model")

    print("job", args["JOB_NAME"], shout(open("words.txt").read()), spark.conf.get("spark.skewless.test"))
    try:
        ApplyMapping.apply(frame=frame, mappings=[])
    except Exception as error:
        print(error)
    spark.read.csv("s3://no-such-bucket/x").count()


main()
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A real S3 over a folder with one bucket; its path has a blank, as people's folders do."""
    folder = tmp_path_factory.mktemp("my data")
    (folder / "bucket").mkdir()
    with s3(folder) as running:
        yield running


def bucket(services: Services) -> Path:
    return Path(services.s3_folder or "") / "bucket"


def asked(
    services: Services, script: bytes | str, kind: str = "pythonshell", **arguments: str
) -> dict[str, Any]:
    (bucket(services) / "script.py").write_bytes(script if isinstance(script, bytes) else script.encode())
    return {
        "JobName": "cars",
        "Command": {"Name": kind, "ScriptLocation": "s3://bucket/script.py", "PythonVersion": "3"},
        "Arguments": {f"--{name.replace('__', '-')}": value for name, value in arguments.items()},
    }


def shell(folder: Path, services: Services, script: bytes | str, **arguments: str) -> Ran:
    return run(folder / "job", "glue", services, asked(services, script, **arguments))


def test_the_published_script(tmp_path: Path, services: Services) -> None:
    place = bucket(services)
    (place / "data").mkdir()
    write_car_evaluation(place / "data" / "car.data")
    (place / "output" / "train").mkdir(parents=True)
    (place / "output" / "train" / "of-an-earlier-run").write_text("")
    (place / "assembly.jar").write_bytes(b"")
    (place / "python.zip").write_bytes(b"PK is not all that it takes")
    (place / "shouting.py").write_text("def shout(text):\n    return text.upper()\n")
    (place / "words.txt").write_text("hello")
    request = asked(
        services,
        PUBLISHED,
        "glueetl",
        s3__input="s3://bucket/data/car.data",
        s3_bucket="bucket",
        extra__py__files="s3://bucket/python.zip, s3://bucket/shouting.py",
        extra__jars="s3://bucket/assembly.jar",
        extra__files="s3://bucket/words.txt",
        conf="spark.skewless.test=a b --conf spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "
        "--conf spark.sql.codegen.wholeStage=false",
    )
    del request["Command"]["PythonVersion"]
    ran = run(tmp_path / "job", "glue", services, request)

    assert "job cars HELLO a b" in ran.output, ran.errors
    assert "awsglue.transforms.ApplyMapping is not there" in ran.output
    assert "assembly.jar is left out" in ran.errors
    assert "python.zip is left out" in ran.errors
    assert ran.outcome.outcome == "Failed"
    assert "Is there such a bucket? The storage here has none at s3://no-such-bucket" in (
        ran.outcome.reason or ""
    )
    written = sorted(file.name for file in (place / "output" / "train").iterdir())
    assert written[0] == "_SUCCESS"
    assert all(name.startswith("part-") for name in written[1:])
    lines = "".join(file.read_text() for file in (place / "output" / "train").glob("part-*")).split()
    assert len(lines) > 1000
    assert {len(line.split(",")) for line in lines} == {7}
    assert not Path("/tmp/postprocess.zip").exists()
    with tarfile.open(place / "model" / "model.tar.gz") as archive:
        assert {name.partition("/")[0] for name in archive.getnames()} == {"bundle.json", "root"}
    model = skewless.load(place / "model" / "model.tar.gz")
    assert len(model.row({"buying": "low", "maint": "high"})["features"]) == 6
    skewless.load(place / "model" / "postprocess.zip")


def test_a_shell_script_reaches_the_services(tmp_path: Path, services: Services) -> None:
    script = (
        "import os, sys, boto3\n"
        "boto3.client('s3').put_object(Bucket='bucket', Key='from/script', Body=b'hi')\n"
        "print(sys.argv[1:], file=sys.stderr)\n"
        "assert 'AWS_PROFILE' not in os.environ\n"
    )
    ran = run(
        tmp_path / "job",
        "glue",
        services,
        asked(services, script, TempDir="s3://bucket/t"),
        AWS_PROFILE="of-mine",
    )
    assert ran.outcome.outcome == "Completed", ran.errors
    assert (bucket(services) / "from" / "script").read_bytes() == b"hi"
    assert "['--JOB_NAME', 'cars', '--JOB_RUN_ID', 'jr_1', '--TempDir', 's3://bucket/t']" in ran.errors


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("raise ValueError('no such column')", "ValueError: no such column"),
        ("import sys; sys.exit(3)", "Command failed with exit code 3"),
        ("import sys; sys.exit('gave up')", "SystemExit: gave up"),
        ("import os; os._exit(4)", "Command failed with exit code 4"),
        ("import os; os.kill(os.getpid(), 9)", "it was killed (SIGKILL)"),
        ("x = 1\nif x\n    y", "SyntaxError: expected ':' (script.py, line 2): if x"),
        (b"\xff\xfe\0\0", "s3://bucket/script.py is no Python source"),
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("xrange(3)", "NameError: name 'xrange' is not defined"),
        (
            "from awsglue.utils import getResolvedOptions\nimport sys\ngetResolvedOptions(sys.argv, ['x'])",
            "GlueArgumentError: the following arguments are required: --x",
        ),
    ],
)
def test_scripts_that_fail(tmp_path: Path, services: Services, script: bytes | str, told: str) -> None:
    ended = shell(tmp_path, services, script).outcome
    assert ended.outcome == "Failed"
    assert told in (ended.reason or "")


def test_exit_zero_is_success(tmp_path: Path, services: Services) -> None:
    assert shell(tmp_path, services, "import sys\nprint('done')\nsys.exit(0)").outcome.outcome == "Completed"


def test_syntax_of_python_2_is_named(tmp_path: Path, services: Services) -> None:
    request = asked(services, "x = 1\nprint 'hello'\n")
    request["Command"]["PythonVersion"] = "2"
    reason = run(tmp_path / "job", "glue", services, request).outcome.reason or ""
    assert "(script.py, line 2): print 'hello'" in reason
    assert "Python 2's syntax" in reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Command": {"Name": "glueray", "ScriptLocation": "s3://bucket/script.py"}}, "'glueray'"),
        ({"Command": {"Name": "glueetl"}}, "no ScriptLocation"),
        ({"Command": {"Name": "glueetl", "ScriptLocation": "s3://bucket/gone.py"}}, "s3://bucket/gone.py"),
        ({"Arguments": {"--job-language": "scala"}}, "--job-language is 'scala'"),
        ({"Arguments": {"--conf": "spark.a=1 --conf nonsense"}}, "--conf: 'nonsense'"),
        ({"Arguments": {"--extra-py-files": "s3://bucket/gone.zip"}}, "s3://bucket/gone.zip"),
        ({"Arguments": {"--additional-python-modules": "numpy==1.0"}}, "numpy==1.0 is asked for"),
        (
            {"Arguments": {"--additional-python-modules": "not-installed-here"}},
            "pip install 'not-installed-here'",
        ),
        ({"Arguments": {"--additional-python-modules": "s3://bucket/a.tar.gz"}}, "no wheel of pure Python"),
    ],
)
def test_refusals(tmp_path: Path, services: Services, change: dict[str, Any], told: str) -> None:
    ran = run(tmp_path / "job", "glue", services, asked(services, "print('the script ran')") | change)
    assert ran.outcome.outcome == "Failed"
    assert told in (ran.outcome.reason or "")
    assert told in ran.errors
    assert "the script ran" not in ran.output


def test_stop_ends_a_script_that_hangs(tmp_path: Path, services: Services) -> None:
    script = (
        "import os, time\nopen('pid.part', 'w').write(str(os.getpid()))\n"
        "os.rename('pid.part', 'pid')\ntime.sleep(1000)"
    )
    file = tmp_path / "job" / "work" / "pid"
    with start(tmp_path / "job", "glue", services, asked(services, script)) as process:
        try:
            until(file.exists)
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)
        finally:
            kill_group(process)
    assert outcome(tmp_path / "job").outcome == "Stopped"
    assert alive([int(file.read_text())]) == []
    shutil.rmtree(tmp_path / "job")


def test_the_example_is_a_script_that_compiles() -> None:
    source = (ROOT / "examples" / "car_evaluation" / "preprocessor.py").read_text()
    compile(source, "preprocessor.py", "exec")
