//! All that needs more than one module, in one binary: linking the SDKs is what takes time. Tests run the program as a
//! user does, on the sandbox, and look at AWS and Kubernetes with code of their own.

mod addon;
mod cluster;
mod command;
mod cut;
mod dead_nodes;
mod drain;
mod drain_bench;
mod features;
mod field;
mod fixes;
mod going;
mod golden;
mod groups;
mod journey;
mod lists;
mod log;
mod network;
mod offline;
mod pages;
mod plan;
mod policy;
mod reach;
mod refusal;
mod sandbox_itself;
mod schemas;
mod single_steps;
mod templates;
mod terminal;
mod trouble;
mod undo;
mod verify;
