//! Durable state: tasks, results, manifests, transcripts.
