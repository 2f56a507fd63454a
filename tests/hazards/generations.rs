//! Generations within one process.

use heirloom::ErrorKind;

use crate::fresh_builder;
use crate::support::DEADLINE;

#[test]
fn ready_after_the_service_was_stopped_says_so() {
    let service = fresh_builder().start().unwrap();
    service.stop();
    assert!(service.exit().wait_timeout(DEADLINE));
    assert_eq!(service.ready().unwrap_err().kind(), ErrorKind::Stopping);
}

#[test]
fn ready_after_the_service_was_handed_over_says_so() {
    let builder = fresh_builder();
    let predecessor = builder.clone().start().unwrap();
    predecessor.ready().unwrap();
    let successor = builder.start().unwrap();
    successor.ready().unwrap();
    assert!(predecessor.exit().wait_timeout(DEADLINE));
    assert_eq!(predecessor.ready().unwrap_err().kind(), ErrorKind::AlreadyUpgraded);
    successor.ready().unwrap();
}

#[test]
fn pid_file_at_a_path_that_the_successor_does_not_use_goes_with_the_predecessor() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let builder = fresh_builder();
    let predecessor = builder.clone().pid_file(&old).start().unwrap();
    predecessor.ready().unwrap();
    let successor = builder.pid_file(&new).start().unwrap();
    successor.ready().unwrap();
    assert!(predecessor.exit().wait_timeout(DEADLINE));
    drop(predecessor);
    assert!(!old.exists() && new.exists());
    drop(successor);
    assert!(!new.exists());
}
