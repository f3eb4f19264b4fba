//! From a block hash to every seed of a cycle.
