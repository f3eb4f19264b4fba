#!/usr/bin/env python3
"""Compares `kinitro env picture` with MuJoCo's own GL renderer (EGL on llvmpipe, which needs no GPU).

For each environment that `kinitro list-envs` knows, the scripted expert plays an episode on both sides (`make parity`
shows that states are equal), and cameras take pictures at some of its moments. Prints, per camera and size, the mean
and least PSNR and the mean SSIM, then the worst pictures, and ends with 1 if a bar is missed. MuJoCo's pictures are
kept in the folder and taken from there by the next run, so a run that was broken off goes on where it was.

Needs only the standard library; the packages of its worker are in --packages (tests/oracle/requirements.txt), and the
system has to have EGL with Mesa's software renderer (Debian: libegl1 libegl-mesa0 libgl1-mesa-dri).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from parity import HERE, Oracle, known_environments

CAMERAS = "corner,corner2,corner3,topview,behindGripper,gripperPOV"
# Ten moments of an episode; experts need about a hundred steps.
STEPS = ",".join(str(step) for step in range(0, 200, 20))
# What a run must reach: mean and least PSNR in decibels, mean SSIM.
LEAST_MEAN_PSNR, LEAST_PSNR, LEAST_MEAN_SSIM = 32.0, 26.0, 0.95
# Pictures of docs/renderer.md: environment, camera, size, step.
SHOWN = (
    ("drawer-open-v3", "corner", 84, 60),
    ("bin-picking-v3", "topview", 84, 80),
    ("soccer-v3", "corner3", 84, 0),
    ("door-open-v3", "gripperPOV", 84, 60),
    ("assembly-v3", "corner2", 480, 60),
)


class Worker(Oracle):
    """The Python side, one process for many jobs."""

    def __init__(self, args):
        os.environ["MUJOCO_GL"] = "egl"
        os.environ["LP_NUM_THREADS"] = "1"
        super().__init__(args, args.preload, os.path.join(HERE, "picture_worker.py"))

    def do(self, **job):
        return self.ask(job, 1)[0]


class Picture:
    """One picture of both sides."""

    def __init__(self, args, env, camera, size, step):
        self.env, self.camera, self.size, self.step = env, camera, size, step
        name = f"{camera}-{size}-{step}.png"
        self.theirs, self.ours = (os.path.join(folder(args, side, env), name) for side in ("mujoco", "kinitro"))
        self.psnr = self.ssim = None

    def __str__(self):
        return f"{self.env:<29}{self.camera:<15}{self.size:>4}{self.step:>5}"


def folder(args, side, env):
    path = os.path.join(args.folder, side, f"{env}-{args.seed}")
    os.makedirs(path, exist_ok=True)
    return path


def draw_ours(args, env, vector):
    command = [args.kinitro, "env", "picture", f"metaworld/{env}", "--folder", folder(args, "kinitro", env)]
    command += ["--task-vector=" + ",".join(repr(x) for x in vector), "--camera", args.cameras]
    done = subprocess.run(command + ["--size", args.sizes, "--step", args.steps], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"pictures: kinitro refused: {done.stderr.strip()}")


def one_environment(args, env):
    """Draws and compares all pictures of an environment."""
    cameras, sizes, steps = args.cameras.split(","), numbers(args.sizes), numbers(args.steps)
    pictures = [Picture(args, env, c, size, step) for c in cameras for size in sizes for step in steps]
    worker = Worker(args)
    vector = worker.do(env=env, draw=args.seed)["task_vector"]
    for size in sizes:
        missing = [picture for picture in pictures if picture.size == size and not os.path.exists(picture.theirs)]
        if missing:
            wanted = {"cameras": sorted({p.camera for p in missing}), "steps": sorted({p.step for p in missing})}
            worker.do(env=env, task_vector=vector, sizes=[size], folder=folder(args, "mujoco", env), **wanted)
    draw_ours(args, env, vector)
    for picture in pictures:
        found = worker.do(theirs=picture.theirs, ours=picture.ours)
        picture.psnr, picture.ssim = found["psnr"], found["ssim"]
    worker.close()
    return pictures


def numbers(text):
    return [int(part) for part in text.split(",")]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def row(title, pictures):
    psnr, ssim = [p.psnr for p in pictures], mean(p.ssim for p in pictures)
    below = sum(value < LEAST_PSNR for value in psnr)
    print(f"{title:<22}{len(pictures):>9}{mean(psnr):>12.2f}{min(psnr):>12.2f}{below:>10}{ssim:>12.4f}")


def report(args, pictures):
    """Prints the table; returns what is missed."""
    heads = ("camera and size", "pictures", "mean PSNR", "least PSNR", "below 26", "mean SSIM")
    print("{:<22}{:>9}{:>12}{:>12}{:>10}{:>12}".format(*heads))
    for size in numbers(args.sizes):
        for camera in args.cameras.split(","):
            row(f"{camera} {size}", [p for p in pictures if p.camera == camera and p.size == size])
        row(f"all {size}", [p for p in pictures if p.size == size])
    print(f"\nworst {args.worst}:")
    for picture in sorted(pictures, key=lambda picture: picture.psnr)[: args.worst]:
        print(f"  {picture}  {picture.psnr:.2f} dB, SSIM {picture.ssim:.4f}")
    missed = []
    for size in numbers(args.sizes):
        of_size = [p for p in pictures if p.size == size]
        if mean(p.psnr for p in of_size) < LEAST_MEAN_PSNR:
            missed.append(f"mean PSNR at {size} is below {LEAST_MEAN_PSNR} dB")
        if min(p.psnr for p in of_size) < LEAST_PSNR:
            missed.append(f"a picture of size {size} is below {LEAST_PSNR} dB")
        if mean(p.ssim for p in of_size) < LEAST_MEAN_SSIM:
            missed.append(f"mean SSIM at {size} is below {LEAST_MEAN_SSIM}")
    return missed


def write_pairs(args, pictures):
    """Writes pictures side by side: MuJoCo's, ours, the difference around grey, four times as large."""
    os.makedirs(args.pairs, exist_ok=True)
    worker = Worker(args)
    for picture in pictures:
        name = f"{picture.env}-{picture.camera}-{picture.size}-{picture.step}.png"
        worker.do(theirs=picture.theirs, ours=picture.ours, pair=os.path.join(args.pairs, name))
    worker.close()


def shown(args):
    """Draws the pairs of docs/renderer.md."""
    pairs = []
    for env, camera, size, step in SHOWN:
        args.cameras, args.sizes, args.steps = camera, str(size), str(step)
        pairs += one_environment(args, env)
    write_pairs(args, pairs)
    for picture in pairs:
        print(f"{picture}  {picture.psnr:.2f} dB, SSIM {picture.ssim:.4f}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinitro", default="target/release/kinitro")
    parser.add_argument("--preload", default="target/release/libmaths_preload.so")
    parser.add_argument("--packages", help="folder with the worker's packages; default: those of this Python")
    parser.add_argument("--folder", default="target/pictures", help="where pictures are kept")
    parser.add_argument("--envs", help="names apart by commas; default: all that kinitro knows")
    parser.add_argument("--cameras", default=CAMERAS)
    parser.add_argument("--sizes", default="84,480")
    parser.add_argument("--steps", default=STEPS)
    parser.add_argument("--seed", type=int, default=0, help="MetaWorld draws the task vector with this seed")
    parser.add_argument("--worst", type=int, default=10, help="how many of the worst to list")
    parser.add_argument("--pairs", help="folder to write the worst to, beside MuJoCo's and their difference")
    parser.add_argument("--shown", action="store_true", help="only the pairs of docs/renderer.md, to the folder --pairs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def main():
    args = arguments()
    for path in (args.kinitro, args.preload):
        if not os.path.exists(path):
            sys.exit(f"pictures: {path} does not exist: run `make pictures`, which builds it")
    if args.shown:
        return shown(args)

    began = time.monotonic()
    envs = args.envs.split(",") if args.envs else known_environments(args)
    pictures = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for count, done in enumerate(as_completed(pool.submit(one_environment, args, env) for env in envs), 1):
            found = done.result()
            pictures += found
            worst = min(found, key=lambda picture: picture.psnr)
            took = time.monotonic() - began
            text = f"{count}/{len(envs)} {worst.env}: mean {mean(p.psnr for p in found):.2f} dB, least {worst.psnr:.2f} dB"
            print(f"{text} ({worst.camera} {worst.size}, step {worst.step}); {took:.0f} s", file=sys.stderr, flush=True)
    missed = report(args, pictures)
    if args.pairs:
        write_pairs(args, sorted(pictures, key=lambda picture: picture.psnr)[: args.worst])
    if missed:
        sys.exit("pictures: " + "; ".join(missed))
    print(f"all bars are met ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
