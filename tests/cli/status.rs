//! `heirloom status`.

use super::command::run;
use super::support::{Family, Way};

#[test]
fn status_tells_who_serves_and_what_it_would_hand_over() {
    let mut family = Family::new();
    family.set("SERVICE", "parcel").set("BUILD", "1.2.3");
    let (first, address) = family.start_service();
    let socket = family.setting("HANDOFF");

    let status = &run(&["status", socket, "--json"]).expect(0).objects()[0];
    assert_eq!(status["service"], "parcel");
    assert_eq!(status["build"], "1.2.3");
    assert_eq!(status["generation"], 1);
    assert_eq!(status["pid"], first);
    assert_eq!(status["phase"], "serving");
    assert!(status["uptime_ms"].is_u64() && status["since_ms"].is_u64());
    assert_eq!(status["draining"].as_array().unwrap().len(), 0);
    assert!(status["last_failure"].is_null());
    let entries = status["entries"].as_array().unwrap();
    let listener = entries.iter().find(|entry| entry["name"] == "service").unwrap();
    assert_eq!(listener["kind"], "tcp");
    assert_eq!(listener["address"], address.as_str());
    assert_eq!(status["entry_count"], entries.len());

    let text = run(&["status", socket]).expect(0).output;
    assert!(text.starts_with(&format!("parcel: generation 1, process {first}, serving")), "{text}");
    assert!(text.contains(&format!("tcp service at {address}")), "{text}");
    assert!(text.contains("1.2.3"), "{text}");
    assert!(!text.contains('\x1b'), "no colours where nobody looks: {text:?}");
}

#[test]
fn status_tells_of_draining_generations_and_of_the_last_failure() {
    let mut family = Family::new();
    family.set("DRAIN", "manual");
    let (first, _) = family.start_service();
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    family.expect(first, "exit");
    family.set_next("PREPARE", "exit");
    family.start();
    family.expect_where("the failed handoff", |event| {
        event.pid == second && event.name == "log" && event.details.contains("handoff has failed")
    });

    let socket = family.setting("HANDOFF");
    let status = &run(&["status", socket, "--json"]).expect(0).objects()[0];
    assert_eq!(status["draining"][0]["generation"], 1);
    assert_eq!(status["draining"][0]["pid"], first);
    assert_eq!(status["last_failure"]["phase"], "waiting for the successor to become ready");
    assert!(status["last_failure"]["reason"].is_string(), "{status}");
    let text = run(&["status", socket]).expect(0).output;
    assert!(text.contains(&format!("generation 1, process {first}")), "{text}");
    assert!(text.contains("while waiting for the successor"), "{text}");
}
