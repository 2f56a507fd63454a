//! Which unit a process belongs to.

use std::fs;

/// Where in the cgroups a process's unit is. Equal for two processes of one unit, and of no unit at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit(Vec<String>);

impl Unit {
    /// The unit of a process, as this process sees it. `None` if it cannot be seen: it has ended, or the
    /// number is 0 for a process of another namespace.
    pub(super) fn of(pid: u32) -> Option<Self> {
        fs::read_to_string(format!("/proc/{pid}/cgroup")).ok().map(|text| Self::read(&text))
    }

    /// Reads the hierarchies that systemd keeps its units in: see `cgroups(7)`.
    fn read(text: &str) -> Self {
        let is_systemd = |line: &&str| line.starts_with("0::") || line.contains(":name=systemd:");
        Self(text.lines().filter(is_systemd).map(unit_path).map(Into::into).collect())
    }
}

/// Leaves out what a unit divides itself into.
fn unit_path(line: &str) -> &str {
    let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
    let within = line.rsplit('/').take_while(|part| !is_unit(part));
    let length: usize = within.map(|part| part.len() + 1).sum();
    // Beyond the whole line if no part of it is a unit.
    line.len().checked_sub(length).and_then(|end| line.get(..end)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_unit_have_the_same_wherever_it_has_put_them() {
        let main = Unit::read("0::/system.slice/a.service\n");
        assert_eq!(main, Unit::read("0::/system.slice/a.service/workers/1\n"));
        assert_ne!(main, Unit::read("0::/system.slice/b.service\n"));
        assert_ne!(main, Unit::read("0::/user.slice/session-1.scope\n"));
        assert_ne!(main, Unit::read("0::/\n"));
    }

    #[test]
    fn instances_of_a_template_and_units_of_a_user_are_told_apart() {
        let path = "0::/user.slice/user@0.service/app.slice/svc";
        let instance = |name| Unit::read(&format!("{path}@{name}.service\n"));
        assert_ne!(instance("blue"), instance("green"));
        assert_eq!(instance("blue"), instance("blue"));
    }

    #[test]
    fn other_hierarchies_do_not_matter() {
        let one = Unit::read("4:memory:/x\n1:name=systemd:/a.service\n0::/\n");
        assert_eq!(one, Unit::read("4:memory:/y\n1:name=systemd:/a.service\n0::/\n"));
        assert_ne!(one, Unit::read("4:memory:/x\n1:name=systemd:/b.service\n0::/\n"));
    }

    #[test]
    fn a_process_that_cannot_be_seen_has_none() {
        assert_eq!(Unit::of(0), None);
        assert!(Unit::of(std::process::id()).is_some());
    }
}
