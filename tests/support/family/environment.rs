//! What a process is told by no setting of its role, but as by a service manager.

use super::Family;

impl Family {
    /// Sets a variable in the environment of the processes started from now on.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.into(), value.into());
        self
    }
}
