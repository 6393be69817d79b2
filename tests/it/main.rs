//! The integration tests, in one binary because linking the SDKs takes most of the time. They run the program as a user
//! does, against the sandbox, and check AWS and Kubernetes with their own code.

mod addon;
mod background;
mod cluster;
mod command;
mod dead_nodes;
mod drain;
mod features;
mod field;
mod fixes;
mod golden;
mod groups;
mod interrupted;
mod journey;
mod karpenter;
mod lists;
mod log;
mod network;
mod offline;
mod pages;
mod plan;
mod policy;
mod pool_shapes;
mod pools;
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
