//! The documents tell the truth about the code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod troubleshooting;

use std::fs;
use std::path::Path;

/// The README's programs are examples, so that what is read is what is tested.
#[test]
fn readme_shows_the_examples_web_and_echo() {
    for example in [include_str!("../../examples/web.rs"), include_str!("../../examples/echo.rs")] {
        let program = example.split_once("\nuse ").unwrap().1.trim_end();
        assert!(include_str!("../../README.md").contains(&format!("\nuse {program}\n```")));
    }
}

/// What is shown of other libraries is what is compiled.
#[test]
fn migrating_shows_the_programs_that_are_compiled() {
    let shown = include_str!("../../MIGRATING.md");
    for program in [
        include_str!("../../docs/migrating/tableflip/main.go"),
        include_str!("../../docs/migrating/peers/src/bin/ecdysis.rs"),
        include_str!("../../docs/migrating/peers/src/bin/shellflip.rs"),
    ] {
        assert!(shown.contains(&format!("\n{program}```\n")), "it does not show\n{program}");
    }
}

/// Every test that a claim rests on exists.
#[test]
fn security_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = read_sources(&root.join("tests")) + &read_sources(&root.join("proto/tests"));
    let words = include_str!("../../SECURITY.md").split('`').skip(1).step_by(2);
    // A name of fewer words is of something else.
    let tests: Vec<_> = words.filter(|word| word.matches('_').count() > 2).collect();
    assert!(tests.len() > 40, "{tests:?}");
    for test in tests {
        assert!(sources.contains(&format!("fn {test}(")), "there is no test {test}");
    }
}

/// Every unit is told of in the guide, and tried with a real systemd.
#[test]
fn every_unit_is_in_the_guide_and_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = read_sources(&root.join("tests/systemd"));
    let guide = include_str!("../../docs/guide/systemd.md");
    let entries = fs::read_dir(root.join("examples/systemd")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let units: Vec<_> = names.filter(|name| !name.ends_with(".rs")).collect();
    assert_eq!(units.len(), 7, "{units:?}");
    for unit in units {
        assert!(guide.contains(&format!("`{unit}`")), "{unit} is not in the guide");
        assert!(tests.contains(&format!("\"{unit}\"")), "{unit} is not tested");
    }
}

/// All the source there is in a folder.
fn read_sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.extension() {
        _ if path.ends_with("fuzzing") => String::new(),
        _ if path.is_dir() => read_sources(&path),
        Some(extension) if extension == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(text).collect()
}
