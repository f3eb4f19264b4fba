#!/usr/bin/env python3
"""Measures kinitro beside its peers on this machine, in one run: environment steps per second of pick-place.

EnvPool (native C++, with one environment, and with each batch on one worker thread), Python metaworld, and
`kinitro bench sim`, which also measures the physics alone. All step the same task with random actions in the box,
each step another one, resets at the end of episodes included. Each figure is the best of --rounds rounds, and the
rounds of all programs are interleaved, because other work on a machine can only slow a round down.

Needs only the standard library; EnvPool is in --peers (tests/oracle/requirements-peers.txt), metaworld in --oracle
(tests/oracle/requirements.txt).
"""

import argparse
import json
import os
import subprocess
import sys
import time

BATCHES = (2, 4, 8, 16)
EPISODE_STEPS = 500


def actions_of(numpy, batch):
    """500 different actions for each environment of a batch."""
    return numpy.random.default_rng(0).uniform(-1, 1, (EPISODE_STEPS, batch, 4)).astype(numpy.float32)


def measure_envpool(seconds, batch):
    import envpool
    import numpy

    env = envpool.make("MetaWorld/PickPlace-v3", env_type="gymnasium", num_envs=batch, num_threads=1)
    actions = actions_of(numpy, batch)
    env.reset()

    def episode():
        for action in actions:
            env.step(action)
        return EPISODE_STEPS * batch

    return rate(episode, seconds)


def measure_metaworld(seconds, _batch):
    import numpy
    import oracle

    env = oracle.make("pick-place-v3", oracle.draw("pick-place-v3", 0), False)
    actions = actions_of(numpy, 1)[:, 0]

    def episode():
        env.reset()
        for action in actions:
            env.step(action)
        return EPISODE_STEPS

    return rate(episode, seconds)


def rate(episode, seconds):
    """Steps per second over at least this time; a first episode warms up."""
    episode()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        steps += episode()
    return steps / (time.perf_counter() - start)


def measured(args, what, batch, packages):
    """Runs one measurement in a process of its own."""
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    if packages:
        environment["PYTHONPATH"] = os.path.abspath(packages)
    command = [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--measure", what, "--batch", str(batch)]
    command += ["--seconds", str(args.seconds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"peers: {what} cannot be measured:\n{done.stderr.strip()}")
    return float(done.stdout.split()[-1])


def bench_sim(args):
    done = subprocess.run([args.kinitro, "bench", "sim", "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"peers: `kinitro bench sim` failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def collect(args):
    """The best figure of each program."""
    best = {}

    def note(name, value):
        best[name] = max(best.get(name, 0.0), value)

    for _ in range(args.rounds):
        ours = bench_sim(args)
        note("kinitro", ours["steps_per_s_one_thread"])
        note("two threads", ours["steps_per_s_two_threads"])
        note("bare", ours["bare_physics_per_s"])
        for batch in (1, *BATCHES):
            note(f"envpool {batch}", measured(args, "envpool", batch, args.peers))
        note("metaworld", measured(args, "metaworld", 1, args.oracle))
    return best


def report(best):
    ours = best["kinitro"]
    batch = max(BATCHES, key=lambda batch: best[f"envpool {batch}"])
    rows = [
        ("bare mj_step x 5, one thread", best["bare"]),
        ("kinitro, one thread", ours),
        ("kinitro, two threads", best["two threads"]),
        ("EnvPool 1.2.5, one environment", best["envpool 1"]),
        (f"EnvPool 1.2.5, batch of {batch}, one thread", best[f"envpool {batch}"]),
        ("Python metaworld 3.1.1", best["metaworld"]),
    ]
    print(f"{'pick-place-v3':<42}{'env steps/s':>12}{'kinitro is':>12}")
    for name, value in rows:
        print(f"{name:<42}{value:>12,.0f}{ours / value:>11.2f}x")
    bars = [
        ("2.0 x EnvPool, one environment", ours / best["envpool 1"], 2.0),
        ("1.3 x EnvPool, best batch on one thread", ours / best[f"envpool {batch}"], 1.3),
        ("6 x Python metaworld", ours / best["metaworld"], 6.0),
        ("0.80 of bare mj_step x 5", ours / best["bare"], 0.8),
        ("two threads 1.85 x one", best["two threads"] / ours, 1.85),
    ]
    print()
    for name, found, bar in bars:
        print(f"{'met   ' if found >= bar else 'missed'}  {name}: {found:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinitro", default="target/release/kinitro")
    parser.add_argument("--peers", help="folder with EnvPool; default: the packages of this Python")
    parser.add_argument("--oracle", help="folder with metaworld; default: the packages of this Python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="time of each measurement")
    parser.add_argument("--measure", choices=("envpool", "metaworld"), help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure = {"envpool": measure_envpool, "metaworld": measure_metaworld}[args.measure]
        print(measure(args.seconds, args.batch))
    else:
        report(collect(args))


if __name__ == "__main__":
    main()
