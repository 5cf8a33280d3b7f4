"""The processes that train together: read from the environment, checked and waited for."""

import json
import socket
import threading
import time

import pytest

from tl_keras.checks import InputError
from tl_keras.training.distribution.cluster import (
    Cluster,
    cluster_from,
    free_ports,
    wait_for_all,
)

SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "5",
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NODELIST": "gpu[08-10]",
    "SLURM_TASKS_PER_NODE": "2(x2),1",
}


def tf_config(workers=("a:1", "b:1"), index=0, kind="worker", **more):
    cluster = {"worker": list(workers), **more}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_without_a_description_there_is_one_process():
    assert cluster_from({}) is None
    assert cluster_from({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}) is None


def test_the_chief_comes_first():
    assert cluster_from(tf_config(index=1)) == Cluster(("a:1", "b:1"), 1)
    assert cluster_from(tf_config(index=1, chief=["c:1"])) == Cluster(("c:1", "a:1", "b:1"), 2)
    assert cluster_from(tf_config(chief=["c:1"], kind="chief")).is_chief


def test_a_cluster_is_read_back_from_its_own_description():
    cluster = Cluster(("a:1", "b:2"), 1)
    assert cluster_from({"TF_CONFIG": cluster.to_tf_config()}) == cluster


def test_tasks_of_slurm_are_counted_node_by_node():
    names = ("gpu08:20007", "gpu08:20008", "gpu09:20007", "gpu09:20008", "gpu10:20007")
    assert cluster_from(SLURM) == Cluster(names, 3)
    nodes = {"SLURM_JOB_NODELIST": "a,b[1,3-4]", "SLURM_TASKS_PER_NODE": "1(x3),2"}
    hosts = [name.split(":")[0] for name in cluster_from(SLURM | nodes).workers]
    assert hosts == ["a", "b1", "b3", "b4", "b4"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TF_CONFIG": "{"}, "Expected TF_CONFIG such as"),
        ({"TF_CONFIG": '{"cluster": {}}'}, "Expected TF_CONFIG such as"),
        (tf_config(index=2), "index of a task among 2 workers, from 0; received 2"),
        (tf_config(["a:1", "a:1"]), "received 'a:1' twice"),
        (tf_config(["a:1", "b"]), "each as host:port; received 'b'"),
        (tf_config(kind="ps"), "a chief or a worker; received 'ps'"),
        (SLURM | {"SLURM_NTASKS": "6"}, "that make 6 tasks; received nodes 'gpu[08-10]'"),
    ],
)
def test_a_list_of_workers_that_does_not_fit_is_refused(environment, words):
    with pytest.raises(InputError) as error:
        cluster_from(environment)
    assert words in str(error.value)


def addresses(count):
    return tuple(f"127.0.0.1:{port}" for port in free_ports(count))


def test_all_that_come_find_each_other():
    workers, found = addresses(3), []

    def come(index):
        time.sleep(0.2 * index)
        wait_for_all(Cluster(workers, index), seconds=20)
        with socket.create_server(("", int(workers[index].split(":")[1]))):  # of TensorFlow
            found.append(index)
            time.sleep(2)

    threads = [threading.Thread(target=come, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2]


def test_a_chief_that_never_comes_is_named_in_time():
    workers, started = addresses(2), time.monotonic()
    with pytest.raises(InputError) as error:
        wait_for_all(Cluster(workers, 1), seconds=0.5)
    assert f"all 2 workers within 0.5 s; received no answer from {workers[0]} (the chief)" in str(
        error.value
    )
    assert time.monotonic() - started < 5


def test_a_port_in_use_is_named():
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(InputError, match=f"Expected a free port {port} for worker 0"):
            wait_for_all(Cluster((f"127.0.0.1:{port}", "127.0.0.1:1"), 0), seconds=0.5)
