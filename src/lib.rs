//! Moves a live Amazon EKS cluster to VPC CNI custom networking.
//!
//! Data flows one way: `cli` makes `settings` (what the user wants), `discover` reads `facts` (what exists). Both give a
//! `design`, and each of the nine `steps` compares the design with the facts. `plan` shows the differences, `run` makes
//! the changes, and only `ui` prints.
//!
//! `layers` lists the modules in order and tests that each imports only from those below it.

mod addon;
mod alternatives;
mod aws;
mod calls;
mod capacity;
mod checks;
pub mod cli;
mod client_token;
mod clients;
mod cni_bugs;
pub mod commands;
mod design;
mod discover;
mod doctor;
mod drain;
mod error;
mod events;
mod eviction;
pub mod exit;
mod export;
pub mod facts;
mod fixes;
mod found;
mod goal;
pub mod issue;
pub mod k8s;
#[cfg(test)]
mod layers;
mod log;
mod net;
mod nodes;
mod ownership;
mod permissions;
mod plan;
mod policy;
mod probe;
mod reach;
mod run;
#[cfg(test)]
mod sample;
mod saved;
mod scene;
#[cfg(test)]
mod scripted;
mod session;
mod settings;
mod shell;
mod status;
mod step;
mod steps;
mod subnet_tags;
mod suspended;
mod tags;
mod text;
mod ui;
mod verify;
mod wizard;
mod yaml;
