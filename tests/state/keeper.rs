//! The role of a service that has something to keep. It answers on TCP as `serve` does.
//!
//! | setting | a list, with commas |
//! |---|---|
//! | `PROVIDE` | `name:schema:what`: `size=<bytes>`, `text=<text>`, `fail`, `panic`, `hang` |
//! | `FREEZE` | `name:schema:what`: `text=<text>`, `size=<bytes>`, `fail`, `panic`, `hang`, `stuck` (when it is thawed) |
//! | `TAKE`, `HEAR` | `name:schema|schema`, best first |
//! | `MANY` | how many states more, called by numbers |
//! | `PREPARE` | `manual`: takes and becomes ready only when told |
//!
//! Events beside those of `serve`: `provided <name> <schema> <thread>`, `froze <name>`, `thawed
//! <name>`, `took <name> <schema or -> <bytes> <digest>`, `took-many <count>`, `heard <name> <schema or
//! -> <text>`, `failed <take or hear>`. Orders beside those: `take`, `offered`, `withdraw <name> <schema>`,
//! `provide <as above>`, `let-go` (whatever hangs goes on), `threads`.

use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::net::TcpListener;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use heirloom::{Error, Freeze, LastWords, Upgrader, Writer};

use crate::support::role::{Role, emit, emit_failed};
use crate::support::serve::{answer_until, ready, upgrade, watch_exit};

pub(crate) fn run(role: &Role) {
    let Some(upgrader) = role.start() else {
        return;
    };
    let mut keeper = Keeper {
        role,
        upgrader: &upgrader,
        gate: Gate::default(),
        listener: listener(role, &upgrader),
        last_words: Vec::new(),
        threads: Vec::new(),
    };
    role.all("PROVIDE").for_each(|offer| keeper.provide(offer));
    role.all("FREEZE").for_each(|offer| keeper.freeze(offer));
    keeper.provide_many();
    watch_exit(role, upgrader.exit());
    emit("prepared", "");
    if role.is("PREPARE", "manual") || keeper.take_and_say_ready() {
        while keeper.follow(&role.next_order()) {}
    }
    keeper.threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(upgrader);
    emit("gone", "");
}

fn listener(role: &Role, upgrader: &Upgrader) -> TcpListener {
    let fds = upgrader.fds().nonblocking();
    let listener: TcpListener = fds.bind_as("service", role.get("LISTEN").unwrap()).unwrap();
    emit("bound", &listener.local_addr().unwrap().to_string());
    listener
}

struct Keeper<'a> {
    role: &'a Role,
    upgrader: &'a Upgrader,
    gate: Gate,
    listener: TcpListener,
    last_words: Vec<(String, LastWords)>,
    threads: Vec<JoinHandle<()>>,
}

impl Keeper<'_> {
    /// Does what an order says. Tells whether there is more to do.
    fn follow(&mut self, order: &str) -> bool {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("ready", _) => return self.take_and_say_ready(),
            ("owned", _) => self.open(),
            ("upgrade", _) => self.threads.push(upgrade(self.upgrader)),
            ("stop", _) => self.upgrader.stop(),
            ("take", _) => drop(self.take()),
            ("offered", _) => {
                let offered = self.upgrader.state().offered();
                let offered: Vec<_> = offered.map(|(name, schema)| name + ":" + &schema).collect();
                emit("offered", &offered.join(","));
            }
            ("provide", offer) => self.provide(offer),
            ("withdraw", offer) => {
                let (name, schema) = offer.split_once(' ').unwrap();
                emit("withdrawn", &self.upgrader.state().remove(name, schema).to_string());
            }
            ("let-go", _) => self.gate.open(),
            ("threads", _) => emit("threads", &threads().join(" ")),
            ("exit-fired", _) => {
                emit("exit", "");
                return self.role.is("DRAIN", "manual");
            }
            ("end", _) => return false,
            _ => panic!("unknown order `{order}`"),
        }
        true
    }

    fn provide(&self, offer: &str) {
        let Some([name, schema, what]) = three(offer) else {
            return;
        };
        let gate = self.gate.clone();
        let told = format!("{name} {schema}");
        let provide = move |writer: &mut Writer| {
            emit("provided", &format!("{told} {}", thread::current().name().unwrap_or("-")));
            writer.write_all(&answer(&what, &gate)?)
        };
        match self.upgrader.state().provide(&name, &schema, provide) {
            Ok(offer) => offer.keep(),
            Err(error) => emit_failed("provide", &error),
        }
    }

    fn provide_many(&self) {
        for number in 0..self.role.number("MANY").unwrap_or(0) {
            let provide = move |writer: &mut Writer| write!(writer, "state {number}");
            self.upgrader.state().provide(&number.to_string(), "many", provide).unwrap().keep();
        }
    }

    fn freeze(&self, offer: &str) {
        let [name, schema, what] = three(offer).unwrap();
        let ice = Ice { name: name.clone(), what, gate: self.gate.clone() };
        self.upgrader.state().freeze(&name, &schema, ice).unwrap().keep();
    }

    /// Tells whether it could; whoever cannot ends.
    fn take_and_say_ready(&mut self) -> bool {
        match self.take() {
            Ok(()) => self.threads.push(ready(self.role, self.upgrader)),
            Err(error) => {
                emit_failed("take", &error);
                // What is gone is gone: it tells the same.
                emit_failed("ready", &self.upgrader.ready().unwrap_err());
                return false;
            }
        }
        true
    }

    fn take(&mut self) -> Result<(), Error> {
        for (name, schemas) in self.role.all("TAKE").map(read) {
            let text = match self.upgrader.state().take(&name, &schemas)? {
                None => format!("{name} -"),
                Some(taken) => {
                    let (schema, length) = (taken.schema().to_owned(), taken.len());
                    let bytes = taken.into_bytes().unwrap();
                    assert_eq!(bytes.len() as u64, length);
                    format!("{name} {schema} {length} {}", digest(&bytes))
                }
            };
            emit("took", &text);
        }
        let many = (0..self.role.number("MANY").unwrap_or(0)).filter(|number: &u32| {
            let taken = self.upgrader.state().take(&number.to_string(), &["many"]).unwrap();
            taken.is_some_and(|it| it.into_bytes().unwrap() == format!("state {number}").as_bytes())
        });
        emit("took-many", &many.count().to_string());
        for (name, schemas) in self.role.all("HEAR").map(read) {
            let last_words = self.upgrader.state().last_words(&name, &schemas)?;
            self.last_words.push((name, last_words));
        }
        Ok(())
    }

    /// Serves from now on.
    fn open(&mut self) {
        for (name, last_words) in self.last_words.drain(..) {
            match last_words.hear() {
                Ok(None) => emit("heard", &format!("{name} -")),
                Ok(Some(words)) => {
                    let text = String::from_utf8(words.bytes).unwrap();
                    emit("heard", &format!("{name} {} {text}", words.schema));
                }
                Err(error) => emit_failed("hear", &error),
            }
        }
        let (exit, generation) = (self.upgrader.exit(), self.upgrader.generation());
        let listener = self.listener.try_clone().unwrap();
        self.threads.push(thread::spawn(move || answer_until(&listener, &exit, generation)));
        emit("ready", "");
    }
}

/// Something that tells when it is frozen and when it is so no more.
struct Ice {
    name: String,
    what: String,
    gate: Gate,
}

impl Freeze for Ice {
    fn freeze(&mut self) -> io::Result<Vec<u8>> {
        emit("freezing", &self.name);
        let said = answer(&self.what, &self.gate)?;
        emit("froze", &self.name);
        Ok(said)
    }

    fn thaw(&mut self) {
        if self.what == "stuck" {
            emit("sticking", &self.name);
            self.gate.wait();
        }
        emit("thawed", &self.name);
    }
}

/// What the application does when it is asked.
fn answer(what: &str, gate: &Gate) -> io::Result<Vec<u8>> {
    match what.split_once('=').unwrap_or((what, "")) {
        ("fail", _) => Err(io::Error::other("the disk is on fire")),
        // Without the hook, whose backtrace may take longer than an answer.
        ("panic", _) => resume_unwind(Box::new("as it was told")),
        ("hang", _) => {
            gate.wait();
            Ok(b"at last".to_vec())
        }
        ("size", bytes) => Ok(pattern(bytes.parse().unwrap())),
        (_, text) => Ok(text.as_bytes().to_vec()),
    }
}

/// Opened once; whoever waits for it goes on then.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}

fn three(offer: &str) -> Option<[String; 3]> {
    let words: Vec<_> = offer.split(':').map(String::from).collect();
    words.try_into().ok()
}

/// A name, and the schemas in which it is read.
fn read(text: &str) -> (String, Vec<&str>) {
    let (name, schemas) = text.split_once(':').unwrap();
    (name.into(), schemas.split('|').collect())
}

/// So many bytes, none like the one before. It is quick: a provider has no more than 4 s.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut pattern: Vec<u8> = (0..251).collect();
    while pattern.len() < length {
        pattern.extend_from_within(..);
    }
    pattern.truncate(length);
    pattern
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

/// The names of this process's threads of the library.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("heirloom")).collect()
}
