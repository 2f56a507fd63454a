//! What a real process of the role [`estate`](crate::estate) keeps beside its descriptors.
//!
//! | setting | `name:schema|schema:text`, the first schema is the one that is offered |
//! |---|---|
//! | `STATE` | a state; a first generation begins with the text, any other with what it takes |
//! | `WORDS` | the same, said last |
//!
//! Events: `took <name> <schema or -> <text>`, `heard <name> <schema or -> <text>`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use heirloom::{Error, Freeze, LastWords, Upgrader};

use crate::support::role::{Role, emit};

/// What is going to be said last.
#[derive(Default)]
pub(crate) struct Kept {
    words: Option<(String, LastWords, Said)>,
}

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Freeze for Said {
    fn freeze(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn thaw(&mut self) {}
}

impl Kept {
    /// Takes what the predecessor offers, and offers it to the next.
    pub(crate) fn take(role: &Role, upgrader: &Upgrader) -> Result<Self, Error> {
        let state = upgrader.state();
        if let Some((name, schemas, text)) = role.get("STATE").map(parse) {
            let taken = state.take(name, &schemas)?;
            let schema = taken.as_ref().map_or("-", |taken| taken.schema()).to_owned();
            let content = taken.map_or(text.into(), |taken| taken.into_bytes().unwrap());
            emit("took", &format!("{name} {schema} {}", String::from_utf8_lossy(&content)));
            state.provide(name, schemas[0], move |writer| writer.write_all(&content))?.keep();
        }
        let Some((name, schemas, text)) = role.get("WORDS").map(parse) else {
            return Ok(Self::default());
        };
        let said = Said(Arc::new(Mutex::new(text.into())));
        let last_words = state.last_words(name, &schemas)?;
        state.freeze(name, schemas[0], said.clone())?.keep();
        Ok(Self { words: Some((name.into(), last_words, said)) })
    }

    /// Hears what was said last, and is going to say it itself.
    pub(crate) fn hear(&mut self) {
        let Some((name, last_words, said)) = self.words.take() else {
            return;
        };
        let heard = last_words.hear().unwrap();
        let schema = heard.as_ref().map_or("-", |words| &words.schema).to_owned();
        if let Some(words) = heard {
            *said.0.lock().unwrap() = words.bytes;
        }
        let text = String::from_utf8_lossy(&said.0.lock().unwrap()).into_owned();
        emit("heard", &format!("{name} {schema} {text}"));
    }
}

fn parse(setting: &str) -> (&str, Vec<&str>, &str) {
    let mut parts = setting.splitn(3, ':');
    let (name, schemas) = (parts.next().unwrap(), parts.next().unwrap());
    (name, schemas.split('|').collect(), parts.next().unwrap())
}
