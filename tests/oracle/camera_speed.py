#!/usr/bin/env python3
"""Measures `kinitro bench camera` beside MuJoCo's own GL renderer on Mesa's llvmpipe, in one run: pictures per second.

Both draw the same moments of the scripted expert's episode with the scene's own settings, both with one thread, and
both figures are pictures per second of processor time. The rounds are interleaved, and of each the best counts: other
work on a machine can only slow a round down. Prints Markdown for docs/benchmarks.md.

Needs only the standard library; the packages of its worker are in --packages (tests/oracle/requirements.txt), and the
system has to have EGL with Mesa's software renderer (Debian: libegl1 libegl-mesa0 libgl1-mesa-dri).
"""

import argparse
import json
import os
import subprocess
import sys

from parity import HERE, Oracle

# What ours should reach at this size: so many times llvmpipe's pictures.
BAR, BAR_SIZE = 100, 84


class Worker(Oracle):
    def __init__(self, args):
        os.environ.update(MUJOCO_GL="egl", PYOPENGL_PLATFORM="egl", LP_NUM_THREADS="1")
        super().__init__(args, None, os.path.join(HERE, "camera_speed_worker.py"))

    def do(self, **job):
        return self.ask(job, 1)[0]


def ours(args, camera, size):
    command = [args.kinitro, "bench", "camera", args.env, "--rates-only", "--json", "--rounds", "1"]
    command += ["--cameras", camera, "--sizes", str(size), "--seconds", str(args.seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"camera_speed: kinitro refused: {done.stderr.strip()}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", help="folder of the Python packages")
    parser.add_argument("--kinitro", default=os.path.join(HERE, "../../target/release/kinitro"))
    parser.add_argument("--env", default="metaworld/pick-place-v3")
    parser.add_argument("--cameras", default="corner,gripperPOV")
    parser.add_argument("--sizes", default="84,480")
    parser.add_argument("--seconds", type=float, default=2.0, help="processor time of each round")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()

    cameras, sizes = args.cameras.split(","), [int(size) for size in args.sizes.split(",")]
    first = ours(args, cameras[0], sizes[0])
    worker = Worker(args)
    worker.do(env=args.env.removeprefix("metaworld/"), task_vector=first["task_vector"], moments=first["moments"])
    print(f"{args.env}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| camera | size | kinitro, pictures/s | MuJoCo on llvmpipe, pictures/s | × |\n|---|---|---|---|---|")
    least = float("inf")
    for camera in cameras:
        for size in sizes:
            best = [0.0, 0.0]
            for done in range(args.rounds):
                print(f"{camera} {size}: round {done + 1} of {args.rounds}", file=sys.stderr)
                best[0] = max(best[0], ours(args, camera, size)["rates"][0]["frames_per_s"])
                theirs = worker.do(camera=camera, size=size, seconds=args.seconds)
                best[1] = max(best[1], theirs["frames_per_s"])
            if size == BAR_SIZE:
                least = min(least, best[0] / best[1])
            print(f"| {camera} | {size} | {best[0]:,.0f} | {best[1]:,.2f} | {best[0] / best[1]:,.0f} |", flush=True)
    worker.close()
    if BAR_SIZE in sizes:
        verdict = "met" if least >= BAR else "missed"
        print(f"\n{verdict}: at least {least:,.0f} times llvmpipe's pictures at {BAR_SIZE} x {BAR_SIZE}; the bar is {BAR}")


if __name__ == "__main__":
    main()
