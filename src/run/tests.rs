//! The order of calls of whole runs, against a cluster in memory.

mod pools;
mod resumed;
mod setup;
mod undone;
