//! The `kinitro` program.

fn main() {}
