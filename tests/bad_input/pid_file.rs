//! PID files that cannot be written.

use std::fs;
use std::path::Path;

use heirloom::{Error, ErrorKind, Takeover};

use super::peer::fresh_name;
use super::service::{Service, builder};

fn assert_names(error: &Error, path: &Path) {
    assert_eq!(error.kind(), ErrorKind::PidFile, "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("the PID file {} cannot be written", path.display())), "{text}");
    assert!(text.contains("its folder must exist and be writable"), "{text}");
}

/// Places where nobody can write a file, whoever he is.
fn impossible(folder: &Path) -> Vec<std::path::PathBuf> {
    let file = folder.join("file");
    fs::write(&file, "").unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    vec![
        folder.join("missing/service.pid"),
        folder.join("folder"),
        file.join("service.pid"),
        "/proc/self/service.pid".into(),
        folder.join("n".repeat(300)),
    ]
}

#[test]
fn a_first_generation_says_so_and_may_try_again() {
    let folder = tempfile::tempdir().unwrap();
    for path in impossible(folder.path()) {
        let service = builder(&fresh_name()).pid_file(&path).start().unwrap();
        assert_names(&service.ready().unwrap_err(), &path);
        assert_names(&service.ready().unwrap_err(), &path);
        assert_eq!(service.upgrade().unwrap_err().kind(), ErrorKind::NotReady);
    }
}

#[test]
fn a_successor_says_so_before_the_predecessor_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for path in impossible(folder.path()) {
        let service = Service::new();
        let successor =
            builder(service.address()).takeover(Takeover::Require).pid_file(&path).start().unwrap();
        assert_names(&successor.ready().unwrap_err(), &path);
        drop(successor);
        service.assert_untouched_and_hand_over();
    }
}

#[test]
fn a_successor_becomes_ready_once_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/service.pid");
    let service = Service::new();
    let successor =
        builder(service.address()).takeover(Takeover::Require).pid_file(&path).start().unwrap();
    assert_names(&successor.ready().unwrap_err(), &path);
    fs::create_dir(folder.path().join("later")).unwrap();
    successor.ready().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
}

#[test]
fn nothing_is_left_beside_a_pid_file_that_could_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    let service = builder(&fresh_name()).pid_file(&path).start().unwrap();
    service.ready().unwrap_err();
    drop(service);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
