//! How heirloom is used in each place where services run.
//!
//! | page | for whom |
//! |---|---|
//! | [`spawned`] | the running process starts its successor |
//! | [`deploy`] | deploy tooling, a script or a person starts it |
//! | [`systemd`] | systemd starts it, keeps its sockets, and is told |
//! | [`containers`] | Docker, Kubernetes: which namespaces the two have to share |
//! | [`state`] | what the service knows goes along with its sockets |
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

#[doc = include_str!("../docs/guide/state.md")]
pub mod state {}

#[doc = include_str!("../docs/guide/troubleshooting.md")]
pub mod troubleshooting {}
