//! How heirloom is used in each place where services run.
//!
//! | page | for whom |
//! |---|---|
//! | [`spawned`] | the running process starts its successor |
//! | [`deploy`] | deploy tooling, a script or a person starts it |
//! | [`systemd`] | systemd starts it, keeps its sockets, and is told |
//! | [`containers`] | Docker, Kubernetes: which namespaces the two have to share |
//! | [`draining`] | how the old process finishes what is in flight, and ends |
//! | [`state`] | what the service knows goes along with its sockets |
//! | [`migrating`] | from tableflip, ecdysis and shellflip |
//! | [`troubleshooting`] | every error text, its cause and its cure |

#[doc = include_str!("../docs/guide/spawned.md")]
pub mod spawned {}

#[doc = include_str!("../docs/guide/deploy.md")]
pub mod deploy {}

#[cfg_attr(feature = "systemd", doc = include_str!("../docs/guide/systemd.md"))]
#[cfg_attr(not(feature = "systemd"), doc = "Needs the feature `systemd`.")]
pub mod systemd {}

#[doc = include_str!("../docs/guide/containers.md")]
pub mod containers {}

#[doc = include_str!("../docs/guide/draining.md")]
pub mod draining {}

#[doc = include_str!("../docs/guide/state.md")]
pub mod state {}

#[cfg_attr(feature = "tokio", doc = include_str!("../MIGRATING.md"))]
#[cfg_attr(
    not(feature = "tokio"),
    doc = "Its programs are tasks: see `MIGRATING.md`, or the feature `tokio`."
)]
pub mod migrating {}

#[doc = include_str!("../docs/guide/troubleshooting.md")]
pub mod troubleshooting {}
