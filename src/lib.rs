//! Moves a live Amazon EKS cluster to VPC CNI custom networking.
//!
//! Data flows one way: `cli` makes `settings` (what the user wants), `discover` reads `facts` (what exists). Both give a
//! `design`, and each of the nine `steps` compares the design with the facts. `plan` shows the differences, `run` makes
//! the changes, and only `ui` prints.
//!
//! `layers` lists the modules in order and tests that each imports only from those below it.

pub mod addon;
pub mod alternatives;
pub mod aws;
pub mod calls;
pub mod capacity;
pub mod checks;
pub mod cli;
pub mod client_token;
pub mod clients;
pub mod cni_bugs;
pub mod commands;
pub mod design;
pub mod discover;
pub mod doctor;
pub mod drain;
pub mod error;
pub mod events;
pub mod eviction;
pub mod exit;
pub mod export;
pub mod facts;
pub mod fixes;
pub mod goal;
pub mod issue;
pub mod k8s;
#[cfg(test)]
mod layers;
pub mod log;
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
pub mod scene;
pub mod session;
pub mod settings;
pub mod shell;
pub mod status;
pub mod step;
pub mod steps;
pub mod subnet_tags;
pub mod suspended;
pub mod tags;
pub mod ui;
pub mod verify;
pub mod wizard;
pub mod words;
pub mod yaml;
