"""Fits the network of policy.py to an expert's episodes, with numpy alone, and writes policy.safetensors:

    kinitro dataset export dataset --env metaworld/reach-v3 --episodes 100 --max-steps 120 --disturbed
    python3 train.py dataset

It learns from the pictures and the four numbers where the expert's hand will end, which is what the expert was after.
The expert of these episodes is pushed about, because one that always goes straight never shows what to do beside its
own way.
Replace it by your own training (PyTorch, JAX, …); weights are accepted as safetensors only.
"""

import argparse
import glob
import os
import sys
import time

try:
    import numpy as np
    from safetensors.numpy import save_file
except ImportError as error:
    sys.exit(f"train.py: {error}; run: {sys.executable} -m pip install -r requirements.txt")

from policy import CAMERAS, WEIGHTS, features, predict

HIDDEN = 64


def load(folder, every):
    """Features, the place where the hand ends, and the number of the episode, for every `every`-th step."""
    rows, ends, episodes = [], [], []
    files = sorted(glob.glob(os.path.join(folder, "episode-*.npz")))
    if not files:
        sys.exit(f"train.py: no episode-*.npz in {folder}; write some with: kinitro dataset export")
    for number, file in enumerate(files):
        with np.load(file) as episode:
            # Only a hand that has arrived shows where the goal is.
            if not episode["next_success"][-1]:
                continue
            observation = episode["observation"]
            pictures = {camera: episode[f"images.{camera}"] for camera in CAMERAS}
        for step in range(0, len(observation), every):
            rows.append(features(observation[step], {camera: pictures[camera][step] for camera in CAMERAS}))
            ends.append(observation[-1, :3])
            episodes.append(number)
    if not rows:
        sys.exit(f"train.py: no episode in {folder} ended in success; export more or longer ones (--episodes, --max-steps)")
    return np.stack(rows), np.stack(ends), np.array(episodes)


def fit(rows, ends, epochs, seed):
    """Adam on the squared distance. With PyTorch: an nn.Sequential, torch.optim.AdamW, and a loop like this one."""
    random = np.random.default_rng(seed)
    width = rows.shape[1]
    shapes = {"w1": (width, HIDDEN), "w2": (HIDDEN, HIDDEN), "w3": (HIDDEN, 3)}
    weights = {name: random.normal(0.0, (2.0 / shape[0]) ** 0.5, shape) for name, shape in shapes.items()}
    weights |= {"b1": np.zeros(HIDDEN), "b2": np.zeros(HIDDEN), "b3": ends.mean(0)}
    weights["w3"] *= 0.1
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    # A point where hardly anything is ever seen must not shout.
    frame = {"mean": rows.mean(0), "scale": np.maximum(rows.std(0), 0.1)}
    frame["scale"][:4] = np.maximum(rows.std(0)[:4], 0.02)
    rows = (rows - frame["mean"]) / frame["scale"]
    slow = {name: np.zeros_like(value) for name, value in weights.items()}
    square = {name: np.zeros_like(value) for name, value in weights.items()}
    batch, turn = 128, 0
    turns = epochs * (len(rows) // batch + 1)
    for _ in range(epochs):
        order = random.permutation(len(rows))
        for start in range(0, len(order), batch):
            some = order[start : start + batch]
            x = rows[some]
            # Forwards; a tenth of what is seen is hidden, so that no single point decides.
            x = x * (random.random(x.shape, np.float32) > 0.1)
            one = np.maximum(x @ weights["w1"] + weights["b1"], 0.0)
            two = np.maximum(one @ weights["w2"] + weights["b2"], 0.0)
            error = (two @ weights["w3"] + weights["b3"] - ends[some]) / len(some)
            # Backwards.
            back_two = (error @ weights["w3"].T) * (two > 0)
            back_one = (back_two @ weights["w2"].T) * (one > 0)
            slopes = {
                "w3": two.T @ error, "b3": error.sum(0),
                "w2": one.T @ back_two, "b2": back_two.sum(0),
                "w1": x.T @ back_one, "b1": back_one.sum(0),
            }
            turn += 1
            rate = 2e-3 * (1.0 - turn / (turns + 1))
            for name, slope in slopes.items():
                slow[name] = 0.9 * slow[name] + 0.1 * slope
                square[name] = 0.999 * square[name] + 0.001 * slope * slope
                step = slow[name] / (1 - 0.9**turn) / (np.sqrt(square[name] / (1 - 0.999**turn)) + 1e-8)
                weights[name] -= (rate * (step + 1e-2 * weights[name] * name.startswith("w"))).astype(np.float32)
    return {name: np.ascontiguousarray(value, np.float32) for name, value in (weights | frame).items()}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("dataset", help="folder that `kinitro dataset export --format npz` wrote")
    options.add_argument("--out", default=WEIGHTS, help="file to write; default: policy.safetensors beside train.py")
    options.add_argument("--every", type=int, default=4, help="take every N-th step")
    options.add_argument("--epochs", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    options = options.parse_args()
    started = time.monotonic()
    rows, ends, episodes = load(options.dataset, options.every)
    # Every tenth episode is kept back to see what was learned.
    kept = episodes % 10 == 9
    weights = fit(rows[~kept], ends[~kept], options.epochs, options.seed)
    parts = {"training": ~kept} | ({"kept back": kept} if kept.any() else {})
    for name, part in parts.items():
        away = np.linalg.norm(predict(weights, rows[part]) - ends[part], axis=1)
        near = (away < 0.05).mean()
        print(f"{name}: {part.sum()} steps, mean error {100 * away.mean():.1f} cm, within 5 cm {near:.0%}")
    save_file(weights, options.out)
    # Whoever serves it must be able to read it.
    os.chmod(options.out, 0o644)
    print(f"{options.out}: {sum(value.nbytes for value in weights.values())} bytes, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
