//! Moves a live Amazon EKS cluster to VPC CNI custom networking.
//!
//! One direction: `settings` (what was asked) and `facts` (what was read by `discover`) make a `design`, the
//! design and the facts make a plan of nine `steps`, `run` walks it, `ui` shows it. Pure in the middle, clients
//! (`aws`, `k8s`) at the edge, one place that prints.

pub mod addon;
pub mod alternatives;
pub mod app;
pub mod aws;
pub mod calls;
pub mod checks;
pub mod cli;
pub mod cni_bugs;
pub mod design;
pub mod discover;
pub mod doctor;
pub mod drain;
pub mod error;
pub mod events;
pub mod exit;
pub mod export;
pub mod facts;
pub mod finding;
pub mod k8s;
pub mod net;
pub mod nodes;
pub mod ownership;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod reach;
pub mod run;
#[cfg(test)]
mod sample;
pub mod saved;
pub mod settings;
pub mod status;
pub mod steps;
pub mod subnet_tags;
pub mod suspended;
pub mod ui;
pub mod verify;
pub mod walk;
pub mod wizard;
pub mod words;
pub mod yaml;
