"""What scripts import in one line, the parts of the server included, which are not there."""

from typing import Final

from sagemaker_containers import entry_point
from skewless.scripts.toolkit import arrays as encoders
from skewless.scripts.toolkit import content_types, errors, modules
from skewless.scripts.toolkit import environment as env
from skewless.scripts.toolkit import functions as transformer
from skewless.scripts.toolkit import worker_names as worker
from skewless.scripts.toolkit.absent import Absent
from skewless.scripts.toolkit.environment import training_env

_HINT: Final = "It is a part of SageMaker's server or trainer, and Skewless has its own."

files = Absent("sagemaker_containers.beta.framework.files", _HINT)
functions = Absent("sagemaker_containers.beta.framework.functions", _HINT)
logging = Absent("sagemaker_containers.beta.framework.logging", _HINT)
mapping = Absent("sagemaker_containers.beta.framework.mapping", _HINT)
mpi = Absent("sagemaker_containers.beta.framework.mpi", _HINT)
params = Absent("sagemaker_containers.beta.framework.params", _HINT)
process = Absent("sagemaker_containers.beta.framework.process", _HINT)
runner = Absent("sagemaker_containers.beta.framework.runner", _HINT)
server = Absent("sagemaker_containers.beta.framework.server", _HINT)
trainer = Absent("sagemaker_containers.beta.framework.trainer", _HINT)

__all__ = [
    "content_types",
    "encoders",
    "entry_point",
    "env",
    "errors",
    "files",
    "functions",
    "logging",
    "mapping",
    "modules",
    "mpi",
    "params",
    "process",
    "runner",
    "server",
    "trainer",
    "training_env",
    "transformer",
    "worker",
]
