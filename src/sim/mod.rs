//! MuJoCo, the Sawyer arm and MetaWorld's tasks, deterministic to the bit.
