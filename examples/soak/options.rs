//! The command line.

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How many upgrades, those that must fail among them.
    pub(crate) upgrades: usize,
    /// One object on one line at the end.
    pub(crate) json: bool,
}

impl Options {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(given: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { upgrades: 1_000, json: false };
        let mut given = given.into_iter();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--json" => options.json = true,
                "--upgrades" => {
                    let number = given.next().and_then(|number| number.parse().ok());
                    options.upgrades = number.ok_or("--upgrades needs a number")?;
                }
                _ => {
                    return Err(format!(
                        "unknown option {option}\nusage: soak [--upgrades N] [--json]"
                    ));
                }
            }
        }
        Ok(options)
    }
}
