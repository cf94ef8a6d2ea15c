"""Training jobs with programs of a user's own in real processes, on machines that let them have private folders."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from skewless.jobs.job import PROGRESS
from skewless.services import Services
from tests.jobs.running import Ran, alive, kill_group, lay_out, outcome, run, start, until

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

LOOKS = """\
import json, os, subprocess, sys
from pathlib import Path

ml = Path("/opt/ml")
config = {one.stem: json.loads(one.read_text()) for one in (ml / "input/config").iterdir()}
found = {
    "arguments": sys.argv,
    "folder": os.getcwd(),
    "config": config,
    "channels": {
        str(one.relative_to(ml / "input/data")): one.read_text()
        for one in sorted((ml / "input/data").rglob("*")) if one.is_file()
    },
    "read-only": not os.stat("/opt/ml/input/data/train/deep/b.csv").st_mode & 0o222,
    "environment": dict(os.environ),
    "helper": __import__("helper").VALUE,
    "same": subprocess.check_output(["python3", "-c", "import sys; print(sys.executable)"], text=True).strip()
    == sys.executable,
}
(ml / "model/found.json").write_text(json.dumps(found))
(ml / "output/data/plot.txt").write_text("a plot")
"""


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """A folder of buckets; nobody listens for its services."""
    bucket = tmp_path / "s3" / "bucket"
    bucket.mkdir(parents=True)
    return Services("http://127.0.0.1:9", "us-east-1", "key", "secret", s3_folder=str(bucket.parent))


def at(services: Services, key: str) -> Path:
    return Path(services.s3_folder or "") / "bucket" / key


def put(services: Services, key: str, body: bytes) -> str:
    file = at(services, key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    return f"s3://bucket/{key}"


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """A sourcedir.tar.gz."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return body.getvalue()


def wheel() -> bytes:
    """A package that pip installs without asking anybody for anything."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        folder = "fitting-1.2.dist-info"
        archive.writestr("fitting.py", "VALUE = 12")
        archive.writestr(f"{folder}/METADATA", "Metadata-Version: 2.1\nName: fitting\nVersion: 1.2\n")
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    return body.getvalue()


def channel(name: str, uri: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": more.pop("S3DataType", "S3Prefix"), "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def request(
    services: Services, script: str, files: Mapping[str, str | bytes] | None = None, **more: Any
) -> dict[str, Any]:
    """A job in the XGBoost image with a script, as version 2 of the SDK asks for it."""
    code = put(services, "code/sourcedir.tar.gz", packed({"train.py": script, **(files or {})}))
    hyperparameters = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(code)}
    return {
        "TrainingJobName": "jr_1",
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
        "HyperParameters": {**hyperparameters, **more.get("HyperParameters", {})},
    }


def command(services: Services, line: str, **more: Any) -> dict[str, Any]:
    """A job that starts a shell, as version 3 of the SDK always asks for it."""
    asked = request(services, "", **more)
    asked["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["/bin/bash"],
        "ContainerArguments": ["-c", line],
    }
    return asked | {"HyperParameters": more.get("HyperParameters", {})}


def trained(folder: Path, services: Services, asked: Mapping[str, Any], **environment: str) -> Ran:
    return run(folder / "job", "training", services, asked, **environment)


def failed(folder: Path, services: Services, asked: Mapping[str, Any]) -> str:
    """Why a job failed."""
    ran = trained(folder, services, asked)
    assert ran.outcome.outcome == "Failed", ran.output
    return ran.outcome.reason or ""


def archived(services: Services, name: str = "model.tar.gz") -> dict[str, str]:
    """The files of an artifact."""
    with tarfile.open(at(services, f"out/jr_1/output/{name}")) as archive:
        members = [one for one in archive.getmembers() if one.isfile()]
        return {one.name: archive.extractfile(one).read().decode() for one in members}  # type: ignore[union-attr]


def told(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "job" / PROGRESS).read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines]


INPUTS = {"S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
CONFIGURATION = {
    "inputdataconfig": {
        "train": {"ContentType": "text/csv", "TrainingInputMode": "FastFile", **INPUTS},
        "listed": {"TrainingInputMode": "File", **INPUTS},
    },
    "resourceconfig": {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
        ],
        "network_interface_name": "eth0",
    },
    "checkpointconfig": {"LocalPath": "/opt/ml/checkpoints", "S3Uri": "s3://bucket/checkpoints"},
}


def test_a_script_finds_all_that_it_is_promised(tmp_path: Path, services: Services) -> None:
    put(services, "data/train/a.csv", b"1")
    put(services, "data/train/deep/b.csv", b"2")
    put(services, "data/list.json", b'[{"prefix": "s3://bucket/data/train/"}, "deep/b.csv"]')
    asked = request(
        services,
        LOOKS,
        {"helper.py": "VALUE = 7"},
        HyperParameters={"epochs": "3", "name": '"x y"', "b": "1"},
        Environment={"MODE": "fast", "SM_MODEL_DIR": "/elsewhere"},
        InputDataConfig=[
            channel("train", "s3://bucket/data/train/", ContentType="text/csv", InputMode="FastFile"),
            channel("listed", "s3://bucket/data/list.json", S3DataType="ManifestFile"),
        ],
        CheckpointConfig={"S3Uri": "s3://bucket/checkpoints"},
    )
    before = set(Path("/opt").iterdir())
    ran = trained(tmp_path, services, asked)
    assert (ran.outcome.outcome, ran.outcome.reason) == ("Completed", None), ran.output
    assert ran.outcome.result == {
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/out/jr_1/output/model.tar.gz"}
    }
    assert [line["secondary"] for line in told(tmp_path)] == ["Downloading", "Training", "Uploading"]
    assert archived(services, "output.tar.gz") == {"plot.txt": "a plot"}
    found = json.loads(archived(services)["found.json"])
    assert found["arguments"] == ["train.py", "-b", "1", "--epochs", "3", "--name", "x y"]
    assert found["folder"] == "/opt/ml/code"
    assert (found["read-only"], found["helper"], found["same"]) == (True, 7, True)
    assert found["channels"] == {"listed/deep/b.csv": "2", "train/a.csv": "1", "train/deep/b.csv": "2"}
    assert found["config"] == {"hyperparameters": asked["HyperParameters"], **CONFIGURATION}
    environment = found["environment"]
    for name, value in {
        "TRAINING_JOB_NAME": "jr_1",
        "TRAINING_JOB_ARN": "arn:aws:test:us-east-1:000000000000:training/job",
        "MODE": "fast",
        # The toolkit's own variables go before the request's.
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_CHANNELS": '["listed","train"]',
        "SM_FRAMEWORK_MODULE": "sagemaker_xgboost_container.training:main",
        "CURRENT_HOST": "algo-1",
        "SAGEMAKER_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }.items():
        assert environment[name] == value, name
    # The machine itself has got nothing of it.
    assert set(Path("/opt").iterdir()) == before


FAILS = "import sys\nprint('halfway', file=sys.stderr)\nraise ValueError('no column \"age\"')\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            FAILS,
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no column "age""\n'
            'Command "python3 train.py --epochs 3", exit code: 1',
        ),
        (
            "import os\nos._exit(7)",
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 7\nErrorMessage "it said nothing on its error output"\n'
            'Command "python3 train.py --epochs 3", exit code: 7',
        ),
        (
            "import os\nos.kill(os.getpid(), 9)",
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 137\nErrorMessage ""\n'
            'ExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"\n'
            'Command "python3 train.py --epochs 3", exit code: 137',
        ),
        (
            "from pathlib import Path\nPath('/opt/ml/output/failure').write_text('m' * 2000)\nraise SystemExit(3)",
            f"AlgorithmError: {'m' * 994}, exit code: 3",
        ),
    ],
)
def test_a_script_that_fails_says_why(tmp_path: Path, services: Services, script: str, reason: str) -> None:
    reason_given = failed(tmp_path, services, request(services, script, HyperParameters={"epochs": "3"}))
    assert reason_given == reason
    assert not at(services, "out").exists()


@pytest.mark.parametrize("link", ["failure", ""])
def test_a_failure_file_that_leads_elsewhere(tmp_path: Path, services: Services, link: str) -> None:
    """It is not read, and nothing is written where it leads; a folder that is a link is no folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "failure").write_text("the machine's own")
    (elsewhere / "data").mkdir()
    line = (
        f"rm -rf /opt/ml/output/{link} && ln -s {elsewhere / link} /opt/ml/output{f'/{link}' if link else ''}"
    )
    asked = command(services, f"{line}; echo as it says >&2; exit 4")
    assert failed(tmp_path / "1", services, asked) == "AlgorithmError: as it says, exit code: 4"
    script = f"import os, sys\nos.system({line!r})\nsys.exit('as it says' if sys.argv[2] == '1' else 0)"
    for fails in ("1", "0"):
        asked = request(services, script, HyperParameters={"fails": fails})
        ran = trained(tmp_path / f"script-{fails}", services, asked)
        assert ran.outcome.outcome == ("Failed" if fails == "1" else "Completed"), ran.output
    assert [one.name for one in sorted(elsewhere.iterdir())] == ["data", "failure"]
    assert (elsewhere / "failure").read_text() == "the machine's own"


@pytest.mark.parametrize(
    ("program", "files", "printed"),
    [
        ("run.sh", {"run.sh": 'echo "shell: $1 $2 $SM_HP_A"'}, "shell: -a x y x y"),
        (
            "tool",
            {"tool": "#!/usr/bin/env python3\nimport sys; print('tool:', sys.argv)"},
            "tool: ['./tool', '-a', 'x y']",
        ),
        (
            "models.fit",
            {"models/fit.py": "import sys; print(__name__, sys.argv[1:])"},
            "__main__ ['-a', 'x y']",
        ),
        ("sub/fit.py", {"sub/fit.py": "import sys; print(sys.argv)"}, "['sub/fit.py', '-a', 'x y']"),
        (
            "fit.py",
            {
                "fit.py": "import importlib.metadata as m; print('installed', m.version('fitting'))",
                "setup.py": "from setuptools import setup\nsetup(name='fitting', version='1.2', py_modules=['fit'])",
            },
            "installed 1.2",
        ),
    ],
)
def test_forms_of_programs(
    tmp_path: Path, services: Services, program: str, files: dict[str, str | bytes], printed: str
) -> None:
    hyperparameters = {"sagemaker_program": program, "a": "x y"}
    ran = trained(tmp_path, services, request(services, "", files, HyperParameters=hyperparameters))
    assert ran.outcome.outcome == "Completed", ran.output
    assert printed in ran.output


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"HyperParameters": {"sagemaker_program": "other.py"}},
            "names other.py, and the code has train.py. Name a",
        ),
        (
            {"HyperParameters": {"sagemaker_program": "../x.py"}},
            "'../x.py' is no path below the code's folder",
        ),
        ({"HyperParameters": {"sagemaker_program": "/etc/passwd"}}, "is no path below the code's folder"),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "s3://bucket/none.tar.gz"}},
            "s3://bucket/none.tar.gz",
        ),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "/etc"}},
            "/etc is neither an s3:// address nor below",
        ),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "/opt/ml/input/data/none"}},
            "/opt/ml/input/data/none is not there",
        ),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "s3://bucket/text"}},
            "is neither a zip nor a tar.gz",
        ),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "s3://bucket/out.tar.gz"}},
            "leads out of the artifact",
        ),
        ({"InputDataConfig": [channel("train", "s3://bucket/none/")]}, "no objects under s3://bucket/none/"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://gone/"}}, "there is no such bucket for the artifact"),
        ({"HyperParameters": {"x": '"a\\u0000b"'}}, "the variable SM_HP_X holds the character NUL"),
        (
            {"CheckpointConfig": {"S3Uri": "s3://bucket/c", "LocalPath": "/etc"}},
            "CheckpointConfig.LocalPath /etc is not below /opt/ml",
        ),
    ],
)
def test_refusals(tmp_path: Path, services: Services, change: dict[str, Any], told: str) -> None:
    put(services, "text", b"no archive")
    put(services, "out.tar.gz", packed({"../train.py": ""}))
    reason = failed(tmp_path, services, request(services, "", **change))
    assert reason.startswith("ClientError: ")
    assert told in reason


@pytest.mark.parametrize(
    ("image", "name", "directory"),
    [
        (SKLEARN, "files", None),
        ("python", "archive", None),
        (XGBOOST, "archive", "/opt/ml/input/data/code/a.tar.gz"),
    ],
)
def test_code_in_a_channel(
    tmp_path: Path, services: Services, image: str, name: str, directory: str | None
) -> None:
    """As files, as the only archive, and by a directory that names the archive."""
    put(services, "channels/files/train.py", b"print('it ran')")
    put(services, "channels/archive/a.tar.gz", packed({"train.py": "print('it ran')"}))
    asked = request(services, "", InputDataConfig=[channel("code", f"s3://bucket/channels/{name}/")])
    asked["AlgorithmSpecification"]["TrainingImage"] = image
    asked["HyperParameters"] = {"sagemaker_program": "train.py"}
    if directory:
        asked["HyperParameters"]["sagemaker_submit_directory"] = directory
    ran = trained(tmp_path, services, asked)
    assert ran.outcome.outcome == "Completed", ran.output
    assert "it ran" in ran.output


STOPS = """\
import signal, subprocess, sys, time
from pathlib import Path

def stop(*_):
    Path("/opt/ml/model/model.txt").write_text("half of it")
    print("told to stop", flush=True)
    sys.exit(5)

signal.signal(signal.SIGTERM, stop)
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
Path("/opt/ml/checkpoints/first").write_text("1")
Path("/opt/ml/ready").write_text(str(child.pid))
time.sleep(1000)
"""


@pytest.mark.parametrize("shell", [False, True])
def test_a_job_that_is_stopped_uploads_what_there_is(tmp_path: Path, services: Services, shell: bool) -> None:
    """Told is the script, though it is a shell that runs it; what handles no signal ends with it."""
    checkpoints = {"CheckpointConfig": {"S3Uri": "s3://bucket/saved/"}}
    put(services, "channels/code/train.py", STOPS.encode())
    line = "true && /bin/bash -e -c 'python3 /opt/ml/input/data/code/train.py && true'"
    channels = [channel("code", "s3://bucket/channels/code/")]
    asked = (
        command(services, line, InputDataConfig=channels, **checkpoints)
        if shell
        else request(services, STOPS, **checkpoints)
    )
    ready = tmp_path / "job/root/opt/ml/ready"
    with start(tmp_path / "job", "training", services, asked) as process:
        try:
            until(lambda: ready.exists() and ready.read_text())
            # It is in the bucket while the job still runs.
            until(at(services, "saved/first").exists)
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=100)
        finally:
            kill_group(process)
    ended = outcome(tmp_path / "job")
    assert (ended.outcome, ended.reason) == ("Stopped", None), printed.decode()
    assert ended.result["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/out/jr_1/output/model.tar.gz"
    assert b"told to stop" in printed
    assert archived(services) == {"model.txt": "half of it"}
    assert [line["secondary"] for line in told(tmp_path)] == ["Downloading", "Training", "Uploading"]
    assert alive([int(ready.read_text())]) == []


DEAF = """\
import signal, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path("/opt/ml/model/model.txt").write_text("so far")
Path("/opt/ml/ready").touch()
time.sleep(1000)
"""
HASTY = """\
import sys
from skewless.jobs import run
from skewless.jobs.script_training import job
job.GRACE = 0.5
run.main(sys.argv[1])
"""


def test_a_program_that_does_not_end_is_ended(tmp_path: Path, services: Services) -> None:
    """After less time than it has otherwise; what there is is uploaded all the same."""
    lay_out(tmp_path / "job", "training", services, request(services, DEAF))
    command = [sys.executable, "-c", HASTY, str(tmp_path / "job")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            until((tmp_path / "job/root/opt/ml/ready").exists)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=100)
        finally:
            kill_group(process)
    assert outcome(tmp_path / "job").outcome == "Stopped"
    assert archived(services) == {"model.txt": "so far"}


def test_checkpoints_go_both_ways(tmp_path: Path, services: Services) -> None:
    """A second job finds what the first one left; files that come and go meanwhile do no harm."""
    script = """\
        from pathlib import Path
        folder = Path("/opt/ml/checkpoints/deep")
        folder.mkdir(exist_ok=True)
        found = sorted(one.name for one in folder.iterdir())
        print("found", found)
        for number in range(300):
            file = folder / f"part-{number}"
            file.write_text("x" * 1000)
            file.unlink()
        (folder / f"epoch-{len(found)}").write_text("state")
        (folder / "latest").symlink_to("epoch-0")
        raise SystemExit(len(found) == 0)
        """
    asked = request(services, textwrap.dedent(script), CheckpointConfig={"S3Uri": "s3://bucket/saved"})
    assert "exit code: 1" in failed(tmp_path / "1", services, asked)
    assert [one.name for one in at(services, "saved/deep").iterdir()] == ["epoch-0"]
    second = trained(tmp_path / "2", services, asked)
    assert second.outcome.outcome == "Completed", second.output
    assert "found ['epoch-0']" in second.output
    assert second.output.count("is a link and is not uploaded") == 1
    assert sorted(one.name for one in at(services, "saved/deep").iterdir()) == ["epoch-0", "epoch-1"]


def test_metrics_are_read_from_the_log(tmp_path: Path, services: Services) -> None:
    script = (
        "import sys\n"
        "for epoch in range(3): print(f'epoch {epoch}: loss={1 / (epoch + 1):.2f}; acc=nan')\n"
        "print('[2]\\tvalidation-rmse:0.75', file=sys.stderr)\n"
        "print('loss=none')\n"
    )
    definitions = [
        {"Name": "loss", "Regex": r"loss=(\S+);"},
        {"Name": "acc", "Regex": r"acc=(\S+)"},
        {"Name": "validation:rmse", "Regex": r".*\[[0-9]+\].*#011validation-rmse:(\S+)"},
    ]
    asked = request(services, script)
    asked["AlgorithmSpecification"]["MetricDefinitions"] = definitions
    ran = trained(tmp_path, services, asked)
    assert ran.outcome.outcome == "Completed", ran.output
    found = {line["metric"]: line["value"] for line in told(tmp_path) if "metric" in line}
    assert found == {"loss": 0.33, "validation:rmse": 0.75}


def test_a_command_of_ones_own(tmp_path: Path, services: Services) -> None:
    """Its folders can be written to, pip and Python are there, and what it installs does not reach this Python."""
    line = (
        "set -e; echo $TRAINING_JOB_NAME $MODE ${SM_HPS:-none}; cat /opt/ml/input/config/hyperparameters.json;"
        "echo 1 > /opt/ml/input/sm_training.env; mkdir p; cd p;"
        'printf \'from setuptools import setup\\nsetup(name="skewless-own", version="3")\' > setup.py;'
        "pip3 install -q --no-build-isolation .;"
        "python3 -c 'import importlib.metadata as m, sklearn, sagemaker_training; print(m.version(\"skewless-own\"))'"
        " > /opt/ml/model/version; ln -s version /opt/ml/model/link; ln -s /etc/passwd /opt/ml/model/out;"
        "mkfifo /opt/ml/model/pipe; ln -s /opt/ml/model/version /opt/ml/model/absolute"
    )
    asked = command(services, line, HyperParameters={"x": "1"}, Environment={"MODE": "fast"})
    ran = trained(tmp_path, services, asked)
    assert ran.outcome.outcome == "Completed", ran.output
    assert 'jr_1 fast none\n{"x":"1"}' in ran.output
    assert archived(services) == {"version": "3\n", "link": "3\n", "absolute": "3\n"}
    assert "/opt/ml/model/out is no file of its folder, and is not packed" in ran.output
    assert "/opt/ml/model/pipe is no file of its folder, and is not packed" in ran.output
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "show", "skewless-own"], capture_output=True, check=False
    )
    assert installed.returncode == 1


def test_a_command_that_begins_as_a_path(tmp_path: Path, services: Services) -> None:
    line = f"/bin/echo {'x' * 300} {'y' * 5000} > /opt/ml/model/said"
    ran = trained(tmp_path, services, command(services, line))
    assert ran.outcome.outcome == "Completed", ran.output
    assert archived(services)["said"] == f"{'x' * 300} {'y' * 5000}\n"


def test_requirements_that_cannot_be_installed(tmp_path: Path, services: Services) -> None:
    files = {"requirements.txt": "./no-such-folder-beside-it\n"}
    ran = trained(
        tmp_path, services, request(services, "", files), SKEWLESS_ENVIRONMENTS=str(tmp_path / "made")
    )
    reason = ran.outcome.reason or ""
    assert ran.outcome.outcome == "Failed"
    assert reason.startswith(
        'AlgorithmError: InstallRequirementsError:\nErrorMessage "what requirements.txt asks for'
    )
    assert reason.endswith('Command "python3 -m pip install -r requirements.txt", exit code: 1')


def test_requirements_are_there(tmp_path: Path, services: Services) -> None:
    name = "fitting-1.2-py3-none-any.whl"
    script = "import fitting, sklearn; print('with', fitting.VALUE)"
    asked = request(services, script, {"requirements.txt": f"./{name}\n", name: wheel()})
    ran = trained(tmp_path, services, asked, SKEWLESS_ENVIRONMENTS=str(tmp_path / "made"))
    assert ran.outcome.outcome == "Completed", ran.output
    assert "with 12" in ran.output


def test_what_a_framework_uploads_while_it_runs(tmp_path: Path, services: Services) -> None:
    script = "from pathlib import Path\nPath('/opt/ml/output/intermediate/x').write_text('1')"
    asked = request(services, script, HyperParameters={"sagemaker_s3_output": '"s3://bucket/now/"'})
    assert trained(tmp_path, services, asked).outcome.outcome == "Completed"
    assert at(services, "now/jr_1/output/intermediate/x").read_text() == "1"
