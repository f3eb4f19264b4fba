//! The loop of one episode: observe, act, step, record.
