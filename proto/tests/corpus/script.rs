//! Bytes that a target reads as what is wanted.

/// Bytes for a target, written in the order in which it reads them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Vec<u8>);

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A choice or a flag.
    pub(crate) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// A number below 256.
    pub(crate) fn number(self, number: u8) -> Self {
        self.byte(0).byte(number)
    }

    /// A text or bytes, fewer than 256.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        let mut script = self.number(u8::try_from(bytes.len()).unwrap());
        script.0.extend(bytes);
        script
    }

    /// What is read of zeros is the first choice, or nothing.
    pub(crate) fn zeros(mut self, count: usize) -> Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    pub(crate) fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
