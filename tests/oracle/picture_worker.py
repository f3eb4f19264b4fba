"""One environment's pictures, for pictures.py: draws them with MuJoCo's own GL renderer and compares them with ours.

A job is a line of JSON; the answer is one line of JSON per job:

    {"env": "reach-v3", "draw": 0}                           -> {"task_vector": [...]} as MetaWorld draws it
    {"env": "reach-v3", "task_vector": [...], "steps": [0, 20], "cameras": ["corner"], "sizes": [84],
     "folder": "..."}                                        -> {"drawn": 2}: CAMERA-SIZE-STEP.png in the folder
    {"theirs": "...", "ours": "..."}                         -> {"psnr": ..., "ssim": ...} of two files
    {"theirs": "...", "ours": "...", "pair": "..."}          -> {}: writes them and their difference side by side

Run it through pictures.py, which sets the environment that it needs.
"""

import copy
import json
import os
import sys
import warnings

import mujoco
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

import oracle

# Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004):
# a Gaussian window of 11 x 11 pixels with a standard deviation of 1.5, and their constants.
SIGMA, RADIUS = 1.5, 5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Differences are shown this much larger.
GAIN = 4
# Pixels of white between pictures that stand side by side.
GAP = 4
# Pairs show small pictures this much larger, and of others the middle, so wide.
SMALL, ENLARGED, MIDDLE = 128, 3, 132


def psnr(a, b):
    """Peak signal-to-noise ratio over all pixels and channels, decibels; 99 for equal pictures."""
    error = np.mean((a - b) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255.0**2 / error))


def ssim(a, b):
    """Mean structural similarity of the luma (ITU-R BT.601), over the windows that lie inside the picture."""
    weights = np.array([0.299, 0.587, 0.114])
    a, b = a @ weights, b @ weights
    inside = slice(RADIUS, -RADIUS)

    def mean(image):
        return gaussian_filter(image, SIGMA, truncate=RADIUS / SIGMA)[inside, inside]

    ma, mb = mean(a), mean(b)
    va, vb, covariance = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    ratio = (2 * ma * mb + C1) * (2 * covariance + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2))
    return float(ratio.mean())


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.float64)


def compare(theirs, ours):
    a, b = pixels(theirs), pixels(ours)
    if a.shape != b.shape:
        sys.exit(f"pictures: {theirs} has {a.shape[1]} x {a.shape[0]} pixels, {ours} {b.shape[1]} x {b.shape[0]}")
    return {"psnr": psnr(a, b), "ssim": ssim(a, b)}


def excerpt(image):
    side = image.shape[0]
    if side <= SMALL:
        return image.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    middle = slice((side - MIDDLE) // 2, (side + MIDDLE) // 2)
    return image[middle, middle]


def write_pair(theirs, ours, path):
    """MuJoCo's picture, ours, and their difference around grey."""
    a, b = (excerpt(pixels(path)) for path in (theirs, ours))
    gap = np.full((a.shape[0], GAP, 3), 255.0)
    difference = np.clip(128 + GAIN * (b - a), 0, 255)
    whole = np.concatenate([a, gap, b, gap, difference], axis=1).astype(np.uint8)
    # 256 colours, so that the files stay small.
    Image.fromarray(whole).quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def draw_frames(job):
    """Plays the scripted expert and draws each moment with MuJoCo's renderer and the model's own settings."""
    env = oracle.make(job["env"], job["task_vector"], True)
    expert = oracle.Scripted(job["env"], None)
    obs, _ = env.reset()
    model, step, drawn = env.model, 0, 0
    renderers = {size: mujoco.Renderer(model, size, size) for size in job["sizes"]}
    for moment in sorted(job["steps"]):
        while step < moment:
            obs, _, _, _, _ = env.step(expert.act(obs))
            step += 1
        data = env.data
        if step == 0:
            # MetaWorld leaves the positions of a world that was just reset underived.
            data = copy.copy(data)
            mujoco.mj_forward(model, data)
        for size, renderer in renderers.items():
            for camera in job["cameras"]:
                renderer.update_scene(data, camera)
                path = os.path.join(job["folder"], f"{camera}-{size}-{moment}.png")
                Image.fromarray(renderer.render()).save(path + ".partial", format="png", compress_level=1)
                os.replace(path + ".partial", path)
                drawn += 1
    for renderer in renderers.values():
        renderer.close()
    return {"drawn": drawn}


def answer(job):
    if "draw" in job:
        return {"task_vector": oracle.draw(job["env"], job["draw"])}
    if "pair" in job:
        write_pair(job["theirs"], job["ours"], job["pair"])
        return {}
    if "theirs" in job:
        return compare(job["theirs"], job["ours"])
    return draw_frames(job)


def main():
    warnings.simplefilter("ignore")
    oracle.check_setup()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
