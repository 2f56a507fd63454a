//! `heirloom launch`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use heirloom::tool::Tool;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};

use super::command::{Running, heirloom, run, wait, wait_until_serving};
use super::support::family::ROLE;
use super::support::{Family, Way, ask};

#[test]
fn launch_returns_when_the_new_version_owns_the_service_and_shows_the_phases() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("PROGRESS", "half way");
    let mut launch = Running::launch(&family, &[]);
    let second = family.expect_new();
    for line in ["transferring", "to become ready", "half way", "is ready", "as generation 2"] {
        launch.expect_line(line);
    }
    launch.expect_code(0);
    family.expect(second, "ready");
    family.expect(first, "exit");
    assert_eq!(family.pid_file(), Some(second));
}

#[test]
fn launched_service_outlives_the_command_and_is_out_of_reach_of_its_terminal() {
    let mut family = Family::new();
    family.start_service();
    let mut launch = Running::launch(&family, &["--json"]);
    let second = family.expect_new();
    let group = getpgid(Some(raw(second))).unwrap();
    assert_eq!(group, raw(second), "not that of {}", launch.pid());
    let owned = launch.expect_line("\"owned\"");
    let owned: serde_json::Value = serde_json::from_str(&owned).unwrap();
    assert_eq!((&owned["pid"], &owned["generation"]), (&second.into(), &2.into()));
    launch.expect_code(0);
    let status = run(&["status", family.setting("HANDOFF"), "--json"]).expect(0);
    assert_eq!(status.objects()[0]["pid"], second);
}

#[test]
fn launch_knows_the_successor_that_a_script_starts() {
    let mut family = Family::new();
    family.start_service();
    let program = std::env::current_exe().unwrap();
    let script = format!("{} role_main --exact --nocapture --quiet; :", program.display());
    let socket = family.setting("HANDOFF");
    let mut launch = Running::start(&family, &["launch", socket, "--", "sh", "-c", &script]);
    let second = family.expect_new();
    launch.expect_line(&format!("process {second} owns the service as generation 2"));
    launch.expect_code(0);
    family.expect(second, "ready");
}

#[test]
fn launch_waits_for_what_a_script_leaves_behind() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual");
    let program = std::env::current_exe().unwrap();
    let role = ROLE.join(" ");
    let script = format!("exec 3<&0; {} {role} <&3 & exit 0", program.display());
    let socket = family.setting("HANDOFF");
    let mut launch = Running::start(&family, &["launch", socket, "--", "sh", "-c", &script]);
    let second = family.expect_new();
    family.expect(second, "prepared");
    // Longer than the reason for an end is waited for.
    let mut watch = Tool::connect(family.setting("HANDOFF")).unwrap().watch().unwrap();
    while watch.wait(Duration::from_secs(1)).is_ok() {}
    family.tell(second, "ready");
    launch.expect_line("as generation 2");
    launch.expect_code(0);
    family.expect(first, "exit");
}

#[test]
fn what_a_script_leaves_behind_is_ended_with_it() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let socket = family.setting("HANDOFF");
    let script = ["--", "sh", "-c", "exec 3<&0; cat <&3 >&2 & exit 0"];
    let launch = ["launch", socket, "--timeout", "0.3"];
    let ended = Running::start(&family, &[&launch[..], &script].concat()).end_of_all().expect(5);
    assert!(
        ended.errors.contains("did not come to own the service in time; it was ended, process"),
        "{ended:?}"
    );
    // One that ends by itself is not waited for.
    let ended = run(&["launch", socket, "--", "sh", "-c", "true & exit 0"]).expect(4);
    assert!(ended.errors.contains("exit status: 0"), "{ended:?}");
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn launch_is_not_interrupted_by_what_it_was_started_to_ignore() {
    let mut family = Family::new();
    family.start_service();
    let mut launch = Command::new("sh");
    launch.args(["-c", "trap '' HUP INT; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_heirloom")]);
    launch.args([
        "launch",
        family.setting("HANDOFF"),
        "--",
        "sh",
        "-c",
        "echo begun; read it; exit 7",
    ]);
    let launch = launch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut launched = launch.spawn().unwrap();
    let input = launched.stdin.take();
    let mut line = String::new();
    BufReader::new(launched.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    for signal in [Signal::SIGHUP, Signal::SIGINT] {
        kill(raw(launched.id()), signal).unwrap();
    }
    drop(input);
    assert_eq!(wait(&mut launched).code(), Some(4));
}

#[test]
fn launch_by_a_service_that_was_spawned_itself_is_no_spawned_successor() {
    let mut family = Family::new();
    family.start_service();
    let socket = family.setting("HANDOFF");
    let mut launch = heirloom(&["launch", socket, "--", "sh", "-c", "env >&2; exit 7"]);
    let launch = launch.env("HEIRLOOM_SOCKET", socket).env("HEIRLOOM_SECRET", "00".repeat(16));
    let ended = launch.output().unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert!(errors.contains("PATH=") && errors.contains("exit status: 7"), "{errors}");
    assert!(!errors.contains("HEIRLOOM_S"), "{errors}");
}

#[test]
fn launch_goes_on_when_nobody_reads_what_it_prints() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let program = std::env::current_exe().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut launch = heirloom(&["launch", family.setting("HANDOFF"), "--"]);
    launch.arg("sh").arg("-c").arg("exec \"$0\" \"$@\" >/dev/null").arg(program);
    let launch = launch.args(ROLE).envs(family.role());
    let launch = launch.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::null());
    let mut launched = launch.spawn().unwrap();
    let input = launched.stdin.take();
    assert_eq!(wait(&mut launched).code(), Some(0));
    family.expect(first, "exit");
    drop(input);
}

#[test]
fn successor_that_exits_has_a_code_of_its_own() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    for how in ["exit", "kill"] {
        family.set_next("PREPARE", how);
        let ended = Running::launch(&family, &[]).end_of_all().expect(4);
        assert!(ended.errors.contains("heirloom: "), "{ended:?}");
        wait_until_serving(&family);
    }
    // One that never says a word to the service.
    let ended = run(&["launch", family.setting("HANDOFF"), "--", "sh", "-c", "exit 7"]).expect(4);
    assert!(ended.errors.contains("exit status: 7"), "{ended:?}");
    let ended = run(&["launch", family.setting("HANDOFF"), "--", "/nowhere/at/all"]).expect(4);
    assert!(ended.errors.contains("/nowhere/at/all cannot be started"), "{ended:?}");
    assert_eq!(family.pid_file(), Some(first));
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn successor_that_is_not_ready_in_time_is_ended() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    // It may be ended before it has begun.
    family.set("PREPARE", "hang");
    let ended = Running::launch(&family, &["--timeout", "0.5"]).end_of_all().expect(5);
    assert!(
        ended.errors.contains("did not come to own the service in time; it was ended, process"),
        "{ended:?}"
    );
    assert_eq!(ask(&address).unwrap(), (first, 1));
    // The service takes the next one.
    wait_until_serving(&family);
    family.unset("PREPARE");
    let third = family.succeed(first, Way::External);
    family.expect(third, "ready");
}

#[test]
fn successor_that_the_service_gives_up_on_is_timed_out_and_ended_too() {
    let mut family = Family::new();
    family.set("READY_MS", "300");
    family.start_service();
    family.set_next("PREPARE", "hang");
    let launch = Running::launch(&family, &[]);
    let second = family.expect_new();
    launch.end_of_all().expect(5);
    family.expect_end(second);
}

#[test]
fn successor_from_which_the_service_is_taken_back_is_timed_out() {
    let mut family = Family::new();
    family.set("COMMIT_MS", "300");
    let (first, address) = family.start_service();
    family.hold_next("successor.before.send-owned");
    let mut launch = Running::launch(&family, &[]);
    let second = family.expect_new();
    launch.expect_line("taken back");
    launch.end_of_all().expect(5);
    family.expect_end(second);
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn successor_that_is_refused_has_a_code_of_its_own() {
    let mut family = Family::new();
    family.start_service();
    family.set("SERVICE", "another");
    let ended = Running::launch(&family, &[]).end_of_all().expect(6);
    assert!(ended.errors.contains("another"), "{ended:?}");
}

#[test]
fn nothing_is_started_where_nobody_is_there() {
    let family = Family::new();
    let mark = family.path("started");
    let socket = family.setting("HANDOFF");
    let ended = run(&["launch", socket, "--", "touch", mark.to_str().unwrap()]).expect(3);
    assert!(ended.errors.contains(socket), "{ended:?}");
    assert!(!mark.exists());
}

#[test]
fn interrupted_launch_takes_its_successor_along() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().filter(is_heard) {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        family.set_next("PREPARE", "hang");
        let launch = Running::launch(&family, &[]);
        let second = family.expect_new();
        kill(raw(launch.pid()), signal).unwrap();
        let ended = launch.end_of_all().expect(1);
        assert!(ended.errors.contains("interrupted"), "{ended:?}");
        family.expect_end(second);
        wait_until_serving(&family);
        let third = family.succeed(first, Way::External);
        family.expect(third, "ready");
    }
}

#[test]
fn interrupt_that_comes_too_late_leaves_the_new_owner_alone() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    // Nobody tells that the successor owns the service.
    family.hold(first, "predecessor.before.receive-owned");
    let mut launch = Running::launch(&family, &[]);
    let second = family.expect_new();
    family.expect(first, "held");
    family.expect(second, "ready");
    kill(raw(launch.pid()), Signal::SIGTERM).unwrap();
    launch.expect_code(0);
    family.tell(first, "resume");
    // The first accepts no more.
    family.expect(first, "gone");
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn successor_goes_on_when_nobody_tells_whether_the_service_depends_on_it() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set_next("PREPARE", "manual");
    let mut launch = Running::launch(&family, &[]);
    let second = family.expect_new();
    family.expect(second, "prepared");
    family.freeze(first);
    kill(raw(launch.pid()), Signal::SIGTERM).unwrap();
    launch.expect_code(1);
    assert!(launch.expect_error("interrupted").contains(&format!("process {second} goes on")));
    family.thaw(first);
    family.tell(second, "ready");
    family.expect(second, "ready");
    family.expect(first, "gone");
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn successor_that_adopts_the_service_is_a_success() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual");
    let mut launch = Running::launch(&family, &[]);
    let second = family.expect_new();
    family.expect(second, "prepared");
    family.kill(first);
    family.tell(second, "ready");
    family.expect(second, "ready");
    launch.expect_line("its predecessor is gone");
    launch.expect_code(0);
}

/// Whether this process, and so what it starts, does not ignore a signal. A background job of a script does.
fn is_heard(signal: &Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    ignored & 1 << (*signal as i32 - 1) == 0
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

#[test]
fn launched_program_with_an_output_file_holds_no_stream_of_the_command() {
    let mut family = Family::new();
    family.start_service();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let socket = family.setting("HANDOFF");
    let script = "readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; exit 7";
    run(&["launch", socket, "--output", path, "--", "sh", "-c", script]).expect(4);
    let told = std::fs::read_to_string(path).unwrap();
    assert_eq!(told, format!("/dev/null\n{path}\n{path}\n"));
}

#[test]
fn programs_that_read_json_are_told_what_went_wrong_and_nothing_that_the_service_says() {
    let mut family = Family::new();
    family.start_service();
    let socket = family.setting("HANDOFF");
    let ended = run(&["launch", socket, "--json", "--", "sh", "-c", "echo said; exit 7"]).expect(4);
    assert!(ended.errors.starts_with("said\n"), "{ended:?}");
    let objects = ended.objects();
    let [.., last] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!((&last["event"], &last["code"]), (&"error".into(), &4.into()));
    assert!(last["reason"].as_str().unwrap().contains("exit status: 7"), "{last}");
    let absent = format!("{socket}-absent");
    let absent = run(&["status", &absent, "--json"]).expect(3);
    assert_eq!(absent.objects()[0]["code"], 3);
}
