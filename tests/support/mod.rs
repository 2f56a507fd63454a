//! Tests of real processes that wait for what happens and never for time to pass.
//!
//! A test binary re-executes itself: [`Family::start`] runs it again with one test only, `role_main`,
//! and settings in the environment; there [`run_role`] does what the role does. A successor spawned
//! by the library has the same arguments and environment, so it takes the same role by itself.
//!
//! Every role tells what it does by lines `event: <pid> <name> <generation> <details>` on its
//! standard output. The test waits for an event with a deadline ([`Family::expect`]) and gives
//! orders ([`Family::tell`]): see [`serve`] for both. A role can be held wherever the library takes
//! a step ([`Family::hold_next`], [`Family::hold`]), and is killed or frozen there by the test.
//!
//! ```ignore
//! mod support;
//! use support::{Family, Way, both_ways};
//!
//! #[test]
//! fn role_main() { support::run_role(&[]) }
//!
//! both_ways! {
//!     fn successor_serves(way: Way) {
//!         let mut family = Family::new();
//!         let first = family.start();
//!         family.expect(first, "ready");
//!         let second = family.succeed(first, way);
//!         family.expect(second, "ready");
//!     }
//! }
//! ```
#![allow(dead_code, unused_imports, reason = "every test binary uses its own part of this")]

pub(crate) mod clients;
pub(crate) mod control;
pub(crate) mod family;
pub(crate) mod lease;
pub(crate) mod limits;
pub(crate) mod open_loop;
pub(crate) mod outcome;
pub(crate) mod process;
pub(crate) mod role;
pub(crate) mod serve;
pub(crate) mod steps;
pub(crate) mod sys;

pub(crate) use clients::{Clients, ask};
pub(crate) use family::{Event, Family, Way};
pub(crate) use role::{Role, run_role};

/// How long a test waits for something that must happen. Far beyond what it takes.
pub(crate) const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// Waits for what nobody tells of.
pub(crate) fn wait_until(mut is: impl FnMut() -> bool, what: impl FnOnce() -> String) {
    let deadline = std::time::Instant::now() + DEADLINE;
    while !is() {
        if std::time::Instant::now() > deadline {
            panic!("{}", what());
        }
        std::thread::yield_now();
    }
}

/// Runs the same body for every case at once: most of its time goes by waiting.
pub(crate) fn at_once<T: Sync>(cases: &[T], body: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| body(case));
        }
    });
}

/// One body, two tests: `name::spawned` and `name::external`.
macro_rules! both_ways {
    ($($(#[$meta:meta])* fn $name:ident($way:ident: Way) $body:block)*) => {
        $(
            $(#[$meta])*
            mod $name {
                #[allow(unused_imports, reason = "whatever the body names")]
                use super::*;

                fn run($way: $crate::support::Way) $body

                #[test]
                fn spawned() {
                    run($crate::support::Way::Spawned);
                }

                #[test]
                fn external() {
                    run($crate::support::Way::External);
                }
            }
        )*
    };
}
pub(crate) use both_ways;
