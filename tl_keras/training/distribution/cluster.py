"""Processes that train together: their addresses, checked, and the wait until all are there.

Loads no TensorFlow.
"""

import contextlib
import dataclasses
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping

from tl_keras.checks import InputError, listed

WAIT = 120  # seconds in which all processes have to come
_FIRST_PORT, _PORTS = 20_000, 12_000  # below those that systems hand out
_PAUSE = 0.2


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Processes that train together.

    Attributes:
        workers: "host:port" of each, the chief first.
        index: place of this process among them.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self):
        """True for the process that writes the run folder."""
        return self.index == 0

    def to_tf_config(self):
        """Returns the cluster as TensorFlow reads it from the variable TF_CONFIG."""
        cluster = {"worker": list(self.workers)}
        return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": self.index}})


def cluster_from(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Returns the cluster that TF_CONFIG describes, or that of a SLURM step of several tasks.

    Raises:
        InputError: the description does not fit together.
    """
    if environment.get("TF_CONFIG"):
        return _checked(_from_tf_config(environment["TF_CONFIG"]))
    tasks = environment.get("SLURM_STEP_NUM_TASKS") or environment.get("SLURM_NTASKS") or "1"
    if "SLURM_PROCID" in environment and int(tasks) > 1:
        return _checked(_from_slurm(environment, int(tasks)))
    return None


def _from_tf_config(text):
    try:
        content = json.loads(text)
        cluster, task = content["cluster"], content["task"]
        chiefs, workers = list(cluster.get("chief", ())), list(cluster["worker"])
        index = int(task["index"]) + (len(chiefs) if task["type"] == "worker" else 0)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            'Expected TF_CONFIG such as {"cluster": {"worker": ["host:port", ...]}, "task": '
            f'{{"type": "worker", "index": 0}}}}; received {text!r} ({error!r}). Correct it.'
        ) from None
    if task["type"] not in ("chief", "worker"):
        raise InputError(
            "Expected the task of TF_CONFIG to be a chief or a worker; received "
            f"{task['type']!r}. Parameter servers and evaluators are not used."
        )
    return Cluster((*chiefs, *workers), index)


def _checked(cluster):
    workers = cluster.workers
    wrong = [name for name in workers if not re.fullmatch(r"\S+:\d{1,5}", str(name))]
    twice = [name for name in dict.fromkeys(workers) if workers.count(name) > 1]
    if wrong or twice:
        raise InputError(
            "Expected different workers, each as host:port; received "
            f"{listed(list(map(repr, wrong or twice)))}{'' if wrong else ' twice'}. Correct the "
            "list of workers."
        )
    if not 0 <= cluster.index < len(workers):
        raise InputError(
            f"Expected the index of a task among {len(workers)} workers, from 0; received "
            f"{cluster.index}. Start as many processes as workers are listed."
        )
    return cluster


def _from_slurm(environment, tasks):
    """The tasks of a SLURM step, node by node, each with a port that follows from the job."""
    names = "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"
    nodes = next((environment[name] for name in names if name in environment), "")
    names = "SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"
    counts = next((environment[name] for name in names if name in environment), "")
    hosts, counts = _hosts(nodes), _counts(counts)
    if len(hosts) != len(counts) or sum(counts) != tasks:
        raise InputError(
            f"Expected nodes and tasks of each that make {tasks} tasks; received nodes {nodes!r} "
            f"with tasks {counts}. Start the command with srun."
        )
    first = _FIRST_PORT + int(environment.get("SLURM_JOB_ID", 0)) % _PORTS
    pairs = zip(hosts, counts, strict=True)
    workers = tuple(f"{host}:{first + task}" for host, count in pairs for task in range(count))
    return Cluster(workers, int(environment["SLURM_PROCID"]))


def _hosts(nodes):
    """Names of the nodes: "gpu[01-03,7],login" -> gpu01, gpu02, gpu03, gpu7, login."""
    names = []
    for prefix, inside, end in re.findall(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)", nodes):
        for part in inside.split(",") if inside else [""]:
            low, _, high = part.partition("-")
            numbers = range(int(low), int(high) + 1) if high else [part]
            names += [f"{prefix}{str(n).zfill(len(low)) if high else n}{end}" for n in numbers]
    return names


def _counts(tasks):
    """Tasks of each node: "2(x3),1" -> 2, 2, 2, 1."""
    parts = re.findall(r"(\d+)(?:\(x(\d+)\))?", tasks)
    return [int(count) for count, times in parts for _ in range(int(times or 1))]


def wait_for_all(cluster: Cluster, seconds: float = WAIT) -> None:
    """Waits until every process of the cluster listens at its address.

    Raises:
        InputError: the port of this process is in use, or others do not come in time.
    """
    end = time.monotonic() + seconds
    missing = [name for name in cluster.workers if name != cluster.workers[cluster.index]]
    with _listening(cluster):
        while missing:
            missing = [name for name in missing if not _answers(name)]
            if missing and time.monotonic() > end:
                chief = " (the chief)" if cluster.workers[0] in missing else ""
                raise InputError(
                    f"Expected all {len(cluster.workers)} workers within {seconds:g} s; received "
                    f"no answer from {listed(missing)}{chief}. Start them together, and check "
                    "their addresses and the firewall."
                )
            time.sleep(_PAUSE if missing else 0)


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[None]:
    """Accepts connections at the address of this process, so that others find it."""
    port = int(cluster.workers[cluster.index].rpartition(":")[2])
    try:
        server = socket.create_server(("", port), backlog=len(cluster.workers) + 8)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"Expected a free port {port} for worker {cluster.index}; received "
            f"{getattr(error, 'strerror', None) or error}. Choose another port, or stop what "
            "uses it."
        ) from None
    with server:
        yield


def _answers(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Returns ports of this machine that nobody listens at."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]
