//! The long-running roles.
