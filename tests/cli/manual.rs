//! What the command line says of itself.

use std::io::Write;
use std::process::{Command, Stdio};

use super::command::run;

#[test]
fn every_command_has_help_with_examples_and_the_exit_codes_are_told() {
    let help = run(&["--help"]).expect(0).output;
    assert!(help.contains("Examples:\n"), "{help}");
    for code in ["3  nobody is there", "4  the successor exited", "5  timed out", "6  refused"] {
        assert!(help.contains(code), "{help}");
    }
    for command in ["status", "upgrade", "launch", "watch", "completions", "man"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let help = run(&[command, "--help"]).expect(0).output;
        assert!(help.contains(&format!("Examples:\n  heirloom {command}")) || command == "upgrade");
        assert!(help.contains("Examples:\n"), "{help}");
    }
}

#[test]
fn wrong_command_line_has_a_code_of_its_own() {
    assert!(run(&["status"]).expect(2).errors.contains("<SOCKET>"));
    assert!(run(&["launch", "@x"]).expect(2).errors.contains("<PROGRAM>"));
    assert!(run(&["status", "@x", "--timeout", "soon"]).expect(2).errors.contains("soon"));
    assert!(run(&["status", "@x", "--timeout=-1"]).expect(2).errors.contains("negative"));
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    for command in ["", "status", "upgrade", "launch", "watch"] {
        let arguments: Vec<_> = ["man", command].into_iter().filter(|it| !it.is_empty()).collect();
        let page = run(&arguments).expect(0).output;
        assert!(page.contains(".TH heirloom") && page.contains(".SH NAME"), "{page}");
        assert!(page.contains(command), "{page}");
    }
    assert!(run(&["man", "launch"]).output.contains(r"\-\-timeout"));
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).expect(0).output;
        for word in ["status", "launch", "timeout"] {
            assert!(script.contains(word), "{shell}: {script}");
        }
    }
}

#[test]
fn completions_of_bash_complete() {
    let script = run(&["completions", "bash"]).expect(0).output;
    // The shell that completions are made for may be another than the one that is there.
    let ask = "COMP_WORDS=(heirloom launch --ti) COMP_CWORD=2; \
               _heirloom heirloom --ti launch; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let Ok(bash) = Command::new("bash").arg("-c").arg(format!("{script}\n{ask}")).output() else {
        return leave_out("bash");
    };
    assert_eq!(String::from_utf8(bash.stdout).unwrap(), "--timeout\n", "{:?}", bash.stderr);
}

#[test]
fn manual_is_set_without_a_warning() {
    for command in ["", "status", "upgrade", "launch", "watch"] {
        let arguments: Vec<_> = ["man", command].into_iter().filter(|it| !it.is_empty()).collect();
        let page = run(&arguments).expect(0).output;
        let Ok(mut groff) = Command::new("groff")
            .args(["-man", "-ww", "-Tutf8", "-z"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
        else {
            return leave_out("groff");
        };
        groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let ended = groff.wait_with_output().unwrap();
        let warnings = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success() && warnings.is_empty(), "{command}: {warnings}");
    }
}

#[test]
fn nobody_there_is_told_by_every_command() {
    let socket = format!("@heirloom-nobody-{}", std::process::id());
    for command in ["status", "upgrade", "watch"] {
        let ended = run(&[command, &socket]).expect(3);
        assert!(ended.errors.contains(&socket) && ended.output.is_empty(), "{ended:?}");
    }
    let ended = run(&["launch", &socket, "--", "false"]).expect(3);
    assert!(ended.errors.contains(&socket), "{ended:?}");
}

/// Where everything has to pass nothing is left out.
fn leave_out(missing: &str) {
    let required = std::env::var_os("HEIRLOOM_TESTS").is_some_and(|tests| tests == "all");
    assert!(!required, "{missing} is not installed");
    eprintln!("left out: {missing} is not installed");
}
