#!/usr/bin/env python3
"""Compares `kinitro env rollout` with Python metaworld, every value of every step as bits.

For each environment that `kinitro list-envs` knows, and each seed, three rollouts: random actions beyond the action
box, the scripted expert, and the expert disturbed. First a control run shows that the comparison can see a
difference: without our maths functions, the oracle's bits are others. Ends with 1 if anything differs.

Needs only the standard library; the oracle's packages are in --packages (tests/oracle/requirements.txt).
"""

import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("random", "expert", "disturbed")
# numpy would otherwise compute exp and log with AVX-512 code of its own where the CPU has it.
NUMPY_PLAIN = "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"


class Difference(Exception):
    """The first value that differs in a rollout."""


class Oracle:
    """The Python side, one process for many jobs."""

    def __init__(self, args, preload, program=os.path.join(HERE, "oracle.py")):
        environment = dict(os.environ, OPENBLAS_CORETYPE="Haswell", NPY_DISABLE_CPU_FEATURES=NUMPY_PLAIN)
        environment.update(OPENBLAS_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
        environment.pop("LD_PRELOAD", None)
        if args.packages:
            environment["PYTHONPATH"] = os.path.abspath(args.packages)
        if preload:
            environment["LD_PRELOAD"] = os.path.abspath(preload)
        command = [sys.executable, "-W", "ignore", program]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True)

    def ask(self, job, lines):
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            lines = 1
        answer = [self.process.stdout.readline() for _ in range(lines)]
        if not answer[-1]:
            sys.exit(f"the oracle stopped at {json.dumps(job)[:200]} (its own message is above)")
        return [json.loads(line) for line in answer]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def random_actions(seed, steps):
    """Actions in and beyond the box, held for a while so that the hand gets somewhere; exact ends now and then."""
    source = random.Random(seed)
    actions, held, left = [], [0.0] * 4, 0
    for _ in range(steps):
        if left == 0:
            held = [source.uniform(-1.6, 1.6) for _ in range(4)]
            held[3] = source.choice([held[3], 1.0, -1.0, 0.0, 2.5])
            left = source.randrange(1, 30)
        left -= 1
        actions.append([value + source.uniform(-0.2, 0.2) for value in held[:3]] + [held[3]])
    return [[single(value) for value in action] for action in actions]


def single(value):
    """The nearest float32, as a Python float."""
    return struct.unpack(">f", struct.pack(">f", value))[0]


def number(pattern):
    return struct.unpack(">d", bytes.fromhex(pattern))[0]


def kinitro(args, env, vector, actions, show_goal):
    """Runs our side. `actions` is a list, or None for the expert."""
    command = [args.kinitro, "env", "rollout", f"metaworld/{env}", "--hex", "--steps", str(args.steps)]
    command += ["--task-vector", ",".join(repr(x) for x in vector)] + (["--show-goal"] if show_goal else [])
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        if actions is None:
            command.append("--expert")
        else:
            file.writelines(json.dumps(action) + "\n" for action in actions)
            file.flush()
            command += ["--actions", file.name]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Difference(f"kinitro refused: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(expected, found):
    """Counts equal values; raises at the first that differs."""
    if len(expected) != len(found):
        raise Difference(f"{len(expected)} steps in Python, {len(found)} here")
    count = 0
    for python, ours in zip(expected, found):
        for field in python:
            if field == "step" or python[field] is None:
                continue
            left, right = python[field], ours[field]
            if isinstance(left, str):
                left, right = [left], [right]
            if len(left) != len(right):
                raise Difference(f"step {python['step']}, {field}: {len(left)} numbers in Python, {len(right)} here")
            for index, (a, b) in enumerate(zip(left, right)):
                if a != b:
                    raise Difference(
                        f"step {python['step']}, {field}[{index}]: Python {a} ({number(a)!r}), here {b} ({number(b)!r})"
                    )
                count += 1
    return count


def one_rollout(args, oracle, env, vector, kind, seed):
    """Runs both sides; returns the number of equal values."""
    show_goal = kind != "random"
    job = {"env": env, "task_vector": vector, "steps": args.steps, "show_goal": show_goal, "actor": kind}
    if kind == "random":
        job["actor"] = random_actions(f"{env} {seed}", args.steps)
    expected = oracle.ask(job, args.steps + 1)
    actions = None if kind == "expert" else [[number(x) for x in line["action"]] for line in expected[1:]]
    found = kinitro(args, env, vector, actions, show_goal)
    return compare(expected, found), any(number(line["success"]) for line in expected)


def one_environment(args, env):
    """All rollouts of an environment: a row of the table, and its differences."""
    oracle = Oracle(args, args.preload)
    row = {kind: 0 for kind in KINDS}
    values, successes, differences = 0, 0, []
    for seed in range(args.seeds):
        vector = oracle.ask({"env": env, "draw": seed}, 1)[0]["task_vector"]
        for kind in KINDS:
            try:
                count, success = one_rollout(args, oracle, env, vector, kind, seed)
                values += count
                successes += success and kind == "expert"
                row[kind] += 1
            except Difference as difference:
                differences.append(f"{env}, seed {seed}, {kind}, {difference}\n    task vector {vector}")
    oracle.close()
    return env, row, successes, values, differences


def control(args, env):
    """Shows that the comparison sees what our maths functions change."""
    oracle = Oracle(args, None)
    vector = oracle.ask({"env": env, "draw": 0}, 1)[0]["task_vector"]
    try:
        one_rollout(args, oracle, env, vector, "random", 0)
    except Difference as difference:
        print(f"control: without our maths functions {env} differs, as it must: {difference}")
        return
    finally:
        oracle.close()
    sys.exit(f"parity: control failed: {env} has the same bits without our maths functions, so this proves nothing")


def known_environments(args):
    done = subprocess.run([args.kinitro, "list-envs", "--json"], capture_output=True, text=True, check=True)
    return [row["env_id"].split("/")[1] for row in json.loads(done.stdout)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinitro", default="target/release/kinitro")
    parser.add_argument("--preload", default="target/release/libmaths_preload.so")
    parser.add_argument("--packages", help="folder with the oracle's packages; default: those of this Python")
    parser.add_argument("--envs", help="names apart by commas; default: all that kinitro knows")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    for path in (args.kinitro, args.preload):
        if not os.path.exists(path):
            sys.exit(f"parity: {path} does not exist: run `make parity`, which builds it")

    began = time.monotonic()
    envs = args.envs.split(",") if args.envs else known_environments(args)
    control(args, envs[0])
    print(f"{'environment':<29}{'random':>8}{'expert':>8}{'disturbed':>11}{'succeeds':>10}{'equal values':>14}")
    differences, total = [], 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for env, row, successes, values, different in pool.map(lambda env: one_environment(args, env), envs):
            cells = [f"{row[kind]}/{args.seeds}" for kind in KINDS] + [f"{successes}/{args.seeds}"]
            print(f"{env:<29}{cells[0]:>8}{cells[1]:>8}{cells[2]:>11}{cells[3]:>10}{values:>14,}", flush=True)
            for difference in different:
                print(f"  DIFFERS: {difference}", flush=True)
            differences += different
            total += values
    took = time.monotonic() - began
    if differences:
        sys.exit(f"parity: {len(differences)} of {len(envs) * args.seeds * len(KINDS)} rollouts differ ({took:.0f} s)")
    print(f"identical: {total:,} values of {args.steps}-step rollouts, bit for bit ({took:.0f} s)")


if __name__ == "__main__":
    main()
