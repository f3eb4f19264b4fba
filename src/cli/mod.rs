//! What a person types.

pub mod table;
