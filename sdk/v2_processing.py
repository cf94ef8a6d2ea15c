"""Split a file by a script of one's own in a processing job, by version 2 of the SageMaker Python SDK.

Usage: v2_processing.py FILE.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys
import tempfile
from pathlib import Path

import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor

SPLIT = """
from pathlib import Path
from sklearn.model_selection import train_test_split

(source,) = Path("/opt/ml/processing/input").glob("*.csv")
lines = source.read_text().splitlines()
for name, part in zip(("train", "validation"), train_test_split(lines, test_size=0.25, random_state=1)):
    Path(f"/opt/ml/processing/{name}/part.csv").write_text("\\n".join(part))
    print(name, len(part) / len(lines))
"""

session = sagemaker.Session()  # its bucket is in config.yaml, and made when it is not there
processor = SKLearnProcessor(
    framework_version="1.2-1",
    role=os.environ["SKEWLESS_ROLE_ARN"],
    instance_type="ml.m5.large",
    instance_count=1,
    base_job_name="split",
    sagemaker_session=session,
)
script = Path(tempfile.mkdtemp()) / "split.py"
script.write_text(SPLIT)
processor.run(
    code=str(script),
    inputs=[ProcessingInput(source=sys.argv[1], destination="/opt/ml/processing/input")],
    outputs=[
        ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
        for name in ("train", "validation")
    ],
)  # waits, and shows the job's log
for output in processor.latest_job.outputs:
    files = session.list_s3_files(session.default_bucket(), output.destination.split("/", 3)[3])
    print("OUTPUT", output.output_name, [Path(file).name for file in files])
