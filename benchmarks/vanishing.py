"""Take a node from a cluster of two while a sweep draws on it: does it end with the decisions and bytes of an undisturbed one?

    python benchmarks/vanishing.py --rounds 2 3

In each of the rounds, once a unit of it has its pictures, the older node is killed without a word, and another one joins. The
cluster runs on this machine; its head does no work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crashed_commands import of_sweep
from ray.cluster_utils import Cluster

from seedscope.analysis.run.opened import run_of

STORE = 80 * 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, nargs="+", default=[2], help="in which a node vanishes, from 1")
    rounds = parser.parse_args().rounds
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        of_sweep(place)
        run(place, "calm", "--executor", "inline").wait()
        vanished = stormy(place, rounds)
        problems = list(differences(place))
    for problem in problems:
        print(problem)
    print(f"{len(vanished)} nodes vanished, in rounds {vanished}; {len(problems)} differences")
    return int(bool(problems) or vanished != sorted(rounds))


def run(place: Path, out: str, *where: str) -> "subprocess.Popen[bytes]":
    line = [
        sys.executable,
        "-m",
        "seedscope",
        "run",
        str(place / "study.yaml"),
        "--out",
        str(place / out),
        "--threads",
        "1",
    ]
    with (place / f"{out}.log").open("wb") as log:
        return subprocess.Popen([*line, *where], stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def stormy(place: Path, rounds: list[int]) -> list[int]:
    """Run it on a cluster whose nodes vanish; in which rounds they did."""
    cluster = Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(2)]
    driver, vanished = run(place, "stormy", "--address", cluster.address, "--workers", "2"), list[int]()
    try:
        while driver.poll() is None:
            time.sleep(0.1)
            number = len(list(place.glob("stormy/rounds/[0-9]*.json")))
            if number in rounds and number not in vanished and begun(place, number):
                cluster.remove_node(nodes.pop(0), allow_graceful=False)
                nodes.append(cluster.add_node(num_cpus=1, object_store_memory=STORE))
                vanished.append(number)
    finally:
        cluster.shutdown()
    if driver.returncode:
        print((place / "stormy.log").read_text()[-2000:])
    return vanished


def begun(place: Path, number: int) -> bool:
    """Whether a unit of the last round has its pictures."""
    found = run_of(place / "study.yaml", place / "stormy")
    race = found.race
    if race is None or len(race.rounds) != number:
        return False
    last = {*race.rounds[-1].prompts}
    units = {unit.name for unit in found.units if any(prompt.id in last for prompt in unit.prompts)}
    return bool(units & found.images.committed())


def differences(place: Path) -> list[str]:
    """In what two runs differ: the records of their rounds, and the shards that they committed."""
    calm, stormy = (run_of(place / "study.yaml", place / name) for name in ("calm", "stormy"))
    if calm.race is None or stormy.race is None or calm.race.golden is None:
        return ["the undisturbed run did not come to its end"]
    found = [] if calm.race.rounds == stormy.race.rounds else ["other rounds were decided"]
    for one, other in zip(calm.tables(), stormy.tables(), strict=True):
        here, there = ({unit: each.sha256 for unit, each in table.receipts().items()} for _, table, _ in (one, other))
        if here != there:
            found.append(f"{one[0]} {one[1].name}: other shards, of {len(here)} and {len(there)} units")
    return found


if __name__ == "__main__":
    sys.exit(main())
