#!/usr/bin/env python3
"""Reads a dataset as others do, by NumPy, pyarrow and pandas, and holds it to what it should be.

    read_dataset.py npz FOLDER EPISODES STEPS
    read_dataset.py lerobot FOLDER NPZ EPISODES STEPS

The second also holds the tables of a LeRobot dataset to the archives of the same episodes in NPZ.
"""

import json
import os
import sys

import numpy as np

CAMERAS = ("corner", "gripper")


def read_npz(folder, episodes, steps):
    names = sorted(os.listdir(folder))
    assert names == [f"episode-{number:06}.npz" for number in range(episodes)], names
    read = []
    for name in names:
        with np.load(os.path.join(folder, name), allow_pickle=False) as archive:
            episode = {key: archive[key] for key in archive.files}
        assert episode["observation"].shape == (steps, 4) and episode["observation"].dtype == np.float32
        assert episode["action"].shape == (steps, 4) and episode["action"].dtype == np.float32
        assert episode["reward"].shape == (steps,) and episode["next_success"].dtype == np.bool_
        assert np.abs(episode["action"]).max() <= 1
        assert str(episode["env_id"]) == "metaworld/reach-v3", episode["env_id"]
        assert episode["success"].shape == () and bool(episode["success"]) == bool(episode["next_success"].any())
        for camera in CAMERAS:
            pictures = episode[f"images.{camera}"]
            assert pictures.shape == (steps, 84, 84, 3) and pictures.dtype == np.uint8
            assert pictures.std() > 10 and (pictures[0] != pictures[-1]).any()
        # The hand goes where the action points.
        moved = episode["observation"][-1, :3] - episode["observation"][0, :3]
        assert np.dot(moved, episode["action"][0, :3]) > 0
        read.append(episode)
    assert (read[0]["observation"] != read[1]["observation"]).any(), "each episode has its own world"
    return read


def read_lerobot(folder, archives, episodes, steps):
    import pandas as pd
    import pyarrow.parquet as pq

    info = json.load(open(os.path.join(folder, "meta/info.json")))
    assert info["codebase_version"] == "v3.0" and info["fps"] == 80
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (episodes, episodes * steps, 1)
    assert info["splits"] == {"train": f"0:{episodes}"}
    tasks = pd.read_parquet(os.path.join(folder, "meta/tasks.parquet"))
    assert tasks.index.name == "task" and tasks.loc["reach-v3"].task_index == 0, tasks
    data = pq.read_table(os.path.join(folder, info["data_path"].format(chunk_index=0, file_index=0)))
    numbers = {key for key, feature in info["features"].items() if feature["dtype"] != "video"}
    assert set(data.column_names) == numbers, data.column_names
    frames = data.to_pydict()
    assert frames["index"] == list(range(episodes * steps))
    assert frames["frame_index"] == list(range(steps)) * episodes
    assert frames["episode_index"] == [number for number in range(episodes) for _ in range(steps)]
    assert frames["next.done"] == ([False] * (steps - 1) + [True]) * episodes
    assert np.allclose(frames["timestamp"], np.tile(np.arange(steps) / 80, episodes))
    for key, name in (("observation.state", "observation"), ("action", "action")):
        expected = np.concatenate([archive[name] for archive in archives])
        assert np.array_equal(np.array(frames[key], np.float32), expected), key
    assert frames["next.success"] == np.concatenate([archive["next_success"] for archive in archives]).tolist()
    rows = pq.read_table(os.path.join(folder, "meta/episodes/chunk-000/file-000.parquet")).to_pylist()
    for number, row in enumerate(rows):
        assert (row["episode_index"], row["length"], row["tasks"]) == (number, steps, ["reach-v3"])
        assert (row["dataset_from_index"], row["dataset_to_index"]) == (number * steps, (number + 1) * steps)
    statistics = json.load(open(os.path.join(folder, "meta/stats.json")))
    assert set(statistics) == set(info["features"])
    every = np.concatenate([archive["action"] for archive in archives]).astype(np.float64)
    assert np.allclose(statistics["action"]["mean"], every.mean(0)) and np.allclose(statistics["action"]["std"], every.std(0))
    for camera in CAMERAS:
        key = f"observation.images.{camera}"
        pictures = np.concatenate([archive[f"images.{camera}"] for archive in archives]) / 255
        assert np.allclose(np.ravel(statistics[key]["mean"]), pictures.mean((0, 1, 2)))
        assert np.allclose(np.ravel(statistics[key]["std"]), pictures.std((0, 1, 2)))
        assert info["features"][key]["shape"] == [168, 168, 3]
        for row in rows:
            place = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
            video = os.path.join(folder, info["video_path"].format(video_key=key, **place))
            assert os.path.getsize(video) > 1000
            assert row[f"videos/{key}/from_timestamp"] == 0 and row[f"videos/{key}/to_timestamp"] == steps / 80


def main():
    kind, folder, *rest = sys.argv[1:]
    if kind == "npz":
        read_npz(folder, *map(int, rest))
    else:
        archives, *counts = rest
        counts = list(map(int, counts))
        read_lerobot(folder, read_npz(archives, *counts), *counts)
    print("holds")


if __name__ == "__main__":
    main()
