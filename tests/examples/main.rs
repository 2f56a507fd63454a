//! The examples that are services: upgraded several times under load from real clients, who lose nothing.
#![cfg(feature = "tokio")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../examples/grpc/client.rs"]
mod client;
mod closing;
mod connections;
mod grpc;
mod load;
#[path = "../../examples/grpc/messages.rs"]
mod messages;
mod service;
#[allow(unused_macros, reason = "every test here takes both ways by turns")]
#[path = "../support/mod.rs"]
mod support;
mod udp;
#[cfg(feature = "cli")]
mod web;
mod websocket;
