#!/usr/bin/env python3
"""Measures kinitro beside its peers on this machine, in one run: environment steps per second of every task.

EnvPool (native C++, with one environment, and with each batch on one worker thread), Python metaworld, and
`kinitro bench sim`, which also measures the physics alone. All step the same task with random actions in the box,
each step another one, resets at the end of episodes included. Each figure is the best of --rounds rounds, and the
rounds of all programs are interleaved task by task, because other work on a machine can only slow a round down.

What is printed on standard output is Markdown for docs/benchmarks.md; how far the run has come goes to standard error.
The run ends after --minutes: rounds after the first are left out when time is short.

Needs only the standard library; EnvPool is in --peers (tests/oracle/requirements-peers.txt), metaworld in --oracle
(tests/oracle/requirements.txt).
"""

import argparse
import json
import math
import os
import select
import subprocess
import sys
import time

BATCHES = (2, 4, 8, 16)
EPISODE_STEPS = 500
# A peer that has not answered by then hangs.
ANSWER_TIMEOUT_S = 120.0
# Load of the last minute above which the figures say little.
QUIET_LOAD = 0.5


def actions_of(numpy, batch):
    """500 different actions for each environment of a batch."""
    return numpy.random.default_rng(0).uniform(-1, 1, (EPISODE_STEPS, batch, 4)).astype(numpy.float32)


def envpool_episode(task, batch):
    """Makes a pool; what it gives plays one episode and tells how many steps that was."""
    import envpool
    import numpy

    name = "".join(word.capitalize() for word in task.removesuffix("-v3").split("-"))
    env = envpool.make(f"MetaWorld/{name}-v3", env_type="gymnasium", num_envs=batch, num_threads=1)
    actions = actions_of(numpy, batch)
    env.reset()

    def episode():
        for action in actions:
            env.step(action)
        return EPISODE_STEPS * batch

    return episode


def metaworld_episode(task, _batch):
    import numpy
    import oracle

    env = oracle.make(task, oracle.draw(task, 0), False)
    actions = actions_of(numpy, 1)[:, 0]

    def episode():
        env.reset()
        for action in actions:
            env.step(action)
        return EPISODE_STEPS

    return episode


EPISODES = {"envpool": envpool_episode, "metaworld": metaworld_episode}


def rate(episode, seconds):
    """Steps per second over at least this time, in whole episodes."""
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        steps += episode()
    return steps / (time.perf_counter() - start)


def serve(what):
    """A peer's process: answers each line of standard input, a job, with a line."""
    # What a peer prints shall not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = {}
    for line in sys.stdin:
        job = json.loads(line)
        key = (job["task"], job["batch"])
        try:
            if key not in known:
                # Only one task's environments are kept; a first episode warms up.
                known = {other: known[other] for other in known if other[0] == job["task"]}
                known[key] = EPISODES[what](*key)
                known[key]()
            answer = {"rate": rate(known[key], job["seconds"])}
        except Exception as error:  # whatever a peer throws, the others can still be measured
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Unmeasured(Exception):
    """Why a figure could not be taken."""


class Peer:
    """A peer's process, started when it is first asked and again after it has failed."""

    def __init__(self, what, packages):
        self.what = what
        self.environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
        if packages:
            self.environment["PYTHONPATH"] = os.path.abspath(packages)
        self.process = None

    def rate(self, task, batch, seconds):
        if self.process is None:
            command = [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--serve", self.what]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=self.environment)
        job = {"task": task, "batch": batch, "seconds": seconds}
        try:
            self.process.stdin.write((json.dumps(job) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # no answer will come either
        ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            raise Unmeasured(f"{self.what} gave no answer")
        answer = json.loads(line)
        if "error" in answer:
            raise Unmeasured(f"{self.what} says {answer['error']}")
        return answer["rate"]

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def kinitro_rates(args, task):
    """Our steps and bare physics per second."""
    command = [args.kinitro, "bench", "sim", f"metaworld/{task}", "--steps-only", "--json"]
    command += ["--seconds", str(args.seconds), "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S)
    if done.returncode != 0:
        raise Unmeasured(f"`kinitro bench sim` failed: {done.stderr.strip()}")
    figures = json.loads(done.stdout)["environments"][0]
    return figures["steps_per_s_one_thread"], figures["bare_physics_per_s"]


def one_round(args, envpool, metaworld, task, best):
    """Measures every program once; keeps the better figures in `best`. Returns what could not be measured."""
    troubles = []

    def note(name, measure):
        try:
            best[name] = max(best.get(name, 0.0), measure())
        except (Unmeasured, subprocess.TimeoutExpired) as trouble:
            troubles.append(f"{task}: {trouble}")

    try:
        ours, bare = kinitro_rates(args, task)
        note("kinitro", lambda: ours)
        note("bare", lambda: bare)
    except (Unmeasured, subprocess.TimeoutExpired) as trouble:
        troubles.append(f"{task}: {trouble}")
    for batch in (1, *BATCHES):
        note(f"envpool {batch}", lambda: envpool.rate(task, batch, args.seconds))
    note("metaworld", lambda: metaworld.rate(task, 1, args.seconds))
    return troubles


def collect(args, tasks):
    """The best figure of each program for each task, and what could not be measured."""
    envpool, metaworld = Peer("envpool", args.peers), Peer("metaworld", args.oracle)
    began = time.monotonic()
    best, troubles, first_rounds_s = {}, [], 0.0
    for done, task in enumerate(tasks):
        for number in range(args.rounds):
            start = time.monotonic()
            left = args.minutes * 60 - (start - began)
            # The first rounds of the tasks after this one come before its further rounds.
            needed = first_rounds_s / (done + 1) * (len(tasks) - done)
            if left <= 0 or (number > 0 and left < needed):
                break
            troubles += one_round(args, envpool, metaworld, task, best.setdefault(task, {}))
            if number == 0:
                first_rounds_s += time.monotonic() - start
        figures = ", ".join(f"{name} {value:,.0f}" for name, value in best.get(task, {}).items())
        print(f"{done + 1}/{len(tasks)} {task}: {figures or 'no time left'}", file=sys.stderr, flush=True)
    envpool.stop()
    metaworld.stop()
    return best, troubles


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


class Ratios:
    """What the figures of a task mean beside ours."""

    def __init__(self, figures):
        batches = [batch for batch in BATCHES if f"envpool {batch}" in figures]
        self.ours, self.bare = figures.get("kinitro"), figures.get("bare")
        self.single, self.metaworld = figures.get("envpool 1"), figures.get("metaworld")
        self.batch = max(batches, key=lambda batch: figures[f"envpool {batch}"], default=None)
        self.batched = figures.get(f"envpool {self.batch}")

    def over(self, other):
        return self.ours / other if self.ours and other else None


COLUMNS = (
    ("EnvPool, 1", lambda task: task.single),
    ("EnvPool, best batch", lambda task: task.batched),
    ("Python", lambda task: task.metaworld),
    ("bare ×5", lambda task: task.bare),
)


def report(best, troubles):
    """Prints the table and the bars as Markdown."""
    tasks = {name: Ratios(figures) for name, figures in sorted(best.items())}
    number = lambda value: f"{value:,.0f}" if value else "–"
    times = lambda value: f"{value:.2f}" if value else "–"
    print("| task | kinitro | EnvPool, 1 | × | EnvPool, best batch | × | Python | × | bare ×5 | × |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, task in tasks.items():
        cells = []
        for title, value in COLUMNS:
            batch = f" ({task.batch})" if title == "EnvPool, best batch" and task.batch else ""
            cells += [number(value(task)) + batch, times(task.over(value(task)))]
        print(f"| {name.removesuffix('-v3')} | {number(task.ours)} | " + " | ".join(cells) + " |")
    found = {title: [task.over(value(task)) for task in tasks.values()] for title, value in COLUMNS}
    found = {title: [ratio for ratio in ratios if ratio] for title, ratios in found.items()}
    means = {title: geometric_mean(ratios) for title, ratios in found.items()}
    print("| **geometric mean** | " + "".join(f"| | **{means[title]:.2f}** " for title, _ in COLUMNS) + "|")
    bars = [
        ("≥ 1.5 × EnvPool with one environment, on every task", min(found["EnvPool, 1"], default=math.nan), 1.5),
        ("≥ 2.0 × EnvPool with one environment, geometric mean", means["EnvPool, 1"], 2.0),
        ("≥ 1.3 × EnvPool's best batch on one thread, geometric mean", means["EnvPool, best batch"], 1.3),
        ("≥ 6 × Python metaworld, geometric mean", means["Python"], 6.0),
        ("≥ 0.80 of bare `mj_step` × 5, geometric mean", means["bare ×5"], 0.8),
    ]
    print("\n| bar | found | |")
    print("|---|---|---|")
    for name, value, bar in bars:
        print(f"| {name} | {value:.2f} | {'met' if value >= bar else 'missed'} |")
    for trouble in troubles:
        print(f"peers: not measured: {trouble}", file=sys.stderr)


def registered_tasks(args):
    done = subprocess.run([args.kinitro, "list-envs", "--json"], capture_output=True, text=True, check=True)
    known = [row["env_id"].split("/")[1] for row in json.loads(done.stdout)]
    asked = args.envs.split(",") if args.envs else known
    unknown = sorted(set(asked) - set(known))
    if unknown:
        sys.exit(f"peers: there is no task {unknown[0]}; `kinitro list-envs` shows what there is")
    return asked


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinitro", default="target/release/kinitro")
    parser.add_argument("--peers", help="folder with EnvPool; default: the packages of this Python")
    parser.add_argument("--oracle", help="folder with metaworld; default: the packages of this Python")
    parser.add_argument("--envs", help="names apart by commas, such as reach-v3,push-v3; default: all that kinitro knows")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="time of each measurement, at least one episode")
    parser.add_argument("--minutes", type=float, default=14.0, help="time of the whole run")
    parser.add_argument("--serve", choices=tuple(EPISODES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve)
    if not os.path.exists(args.kinitro):
        sys.exit(f"peers: {args.kinitro} does not exist: run `make bench-peers`, which builds it")
    if os.getloadavg()[0] > QUIET_LOAD:
        print("peers: other work is running on this machine, which will spoil the figures", file=sys.stderr)
    best, troubles = collect(args, registered_tasks(args))
    report(best, troubles)
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
