//! How a process that starts finds out whether there is a predecessor.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heirloom_proto::{Failure, Phase, RefuseReason, Secret};
use nix::sys::socket::UnixCredentials;
use nix::unistd::geteuid;

use crate::address::UnixAddress;
use crate::control::{Bound, ControlListener, connect_to, owner_of, wait_a_little};
use crate::driver::{Driver, Role};
use crate::error::{Error, ErrorKind};
use crate::holdings::{Holdings, TAKEN_AT_START, taken};
use crate::launch::Spawned;
use crate::predecessor::PredecessorSide;
use crate::settings::{Settings, Takeover};
use crate::slots::way_out;
use crate::successor::SuccessorSide;
use crate::sys::channel::Channel;
use crate::sys::pidfd::PidFd;
use crate::sys::token::Token;

/// Somebody who listens on the handoff socket.
struct Met {
    channel: Channel,
    address: UnixAddress,
    secret: Option<Secret>,
}

/// How long a full queue on the handoff socket is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a start tries anew after it met somebody who went away, or lost a race for the name.
const PATIENCE: Duration = Duration::from_secs(5);

/// Meets the predecessor and takes what it hands over, or begins the service.
pub(crate) fn meet(settings: &Arc<Settings>) -> Result<Driver, Error> {
    let mut search = Search::new();
    while Instant::now() < search.deadline {
        let begun = match search.find(settings)? {
            Some(met) => search.take_over(settings, met)?,
            None => search.begin(settings)?,
        };
        match begun {
            Some(driver) => return Ok(driver),
            None => wait_a_little(),
        }
    }
    Err(search.last.unwrap_or_else(|| {
        Error::new(ErrorKind::Busy, "other processes take the handoff socket and let it go")
    }))
}

/// A start that looks for a predecessor.
struct Search {
    /// What the process that has spawned this one has told, unless it was for another service.
    spawned: Option<Spawned>,
    /// What became of the predecessor met last.
    last: Option<Error>,
    /// The process that went away last before it had said anything.
    silent: Option<i32>,
    /// The process that went away in the midst of handing over: it is not asked twice.
    quitter: Option<i32>,
    /// The process that went away last, if it is another than this one.
    leaving: Option<PidFd>,
    deadline: Instant,
}

impl Search {
    fn new() -> Self {
        let deadline = Instant::now() + PATIENCE;
        let spawned = Spawned::from_environment();
        Self { spawned, last: None, silent: None, quitter: None, leaving: None, deadline }
    }

    fn find(&mut self, settings: &Settings) -> Result<Option<Met>, Error> {
        find(settings, self.spawned.as_ref()).map_err(|error| match self.last.take() {
            // Somebody was there, and went away before he had handed everything over.
            Some(last) if error.kind() == ErrorKind::Absent => last,
            _ => error,
        })
    }

    /// Takes over from the process that was met. `None` if it is worth looking again.
    fn take_over(&mut self, settings: &Arc<Settings>, met: Met) -> Result<Option<Driver>, Error> {
        let by_environment = met.secret.is_some();
        let elsewhere = settings.handoff.as_ref() != Some(&met.address);
        let Some((process, peer)) = self.identify(settings, &met)? else {
            return Ok(None);
        };
        match take_over(settings, met) {
            Ok(driver) => return Ok(Some(driver)),
            Err(Trouble::Error(error)) => return Err(error),
            // The parent went away, and another process owns the service: it knows no such secret.
            Err(Trouble::Failure(Failure::Refused(refuse)))
                if by_environment
                    && refuse.reason == RefuseReason::Secret
                    && self.silent.is_some_and(|parent| parent != peer.pid()) =>
            {
                self.spawned.iter_mut().for_each(|spawned| spawned.secret = None);
            }
            Err(Trouble::Failure(Failure::Refused(refuse)))
                if by_environment && elsewhere && is_for_another(refuse.reason, peer.pid()) =>
            {
                // This process was spawned for another of its services.
                self.spawned = None;
            }
            Err(Trouble::Failure(failure))
                if may_try_again(settings, &failure)
                    && (is_greeting(&failure) || self.quitter != Some(peer.pid())) =>
            {
                self.remember(failure, &process, &peer);
                self.leaving = Some(process).filter(|_| !is_this_process(peer.pid()));
            }
            Err(Trouble::Failure(failure)) => return Err(failure.into()),
        }
        Ok(None)
    }

    /// The process that was met, which this one trusts. `None` if it has ended since.
    fn identify(
        &mut self,
        settings: &Settings,
        met: &Met,
    ) -> Result<Option<(PidFd, UnixCredentials)>, Error> {
        match PidFd::of_peer(met.channel.as_fd()) {
            Ok((process, peer)) if !settings.trusts_process(&process, peer.uid()) => {
                Err(squatted(&met.address, peer.uid()))
            }
            Ok(known) => Ok(Some(known)),
            // It is this process that lacks something.
            Err(error) if !way_out(&error).is_empty() => Err(unwatched(error)),
            Err(_) => {
                self.last = Some(Failure::Died { phase: Phase::Greeting, status: None }.into());
                Ok(None)
            }
        }
    }

    /// Begins the service, as nobody is there. Whoever went away may be about to end: it closes what it
    /// has in no order that tells, and its listeners may be the last.
    fn begin(&mut self, settings: &Arc<Settings>) -> Result<Option<Driver>, Error> {
        /// How long a process takes to end that has much to close; one that was stopped and drains
        /// may live on.
        const ENDING: Duration = Duration::from_secs(1);
        if let Some(process) = self.leaving.take().filter(|process| !process.has_ended()) {
            tracing::info!(target: "heirloom", event = "waits_for_end", "whoever was there has left and lives: waiting a little for its end");
            process.ends_within(ENDING);
        }
        begin(settings)
    }

    /// The process that was met has gone away, or will have nothing to do with this one.
    fn remember(&mut self, failure: Failure, process: &PidFd, peer: &UnixCredentials) {
        match is_greeting(&failure) {
            true => self.silent = Some(peer.pid()),
            // One that got further than a greeting was another predecessor's end.
            false => {
                self.deadline = Instant::now() + PATIENCE;
                self.quitter = Some(peer.pid());
            }
        }
        let closed = matches!(failure, Failure::Closed { phase: Phase::Greeting });
        let is_another = peer.uid() != geteuid().as_raw();
        self.last = Some(match closed && is_another && !process.has_ended() {
            true => Error::untrusted(failure, peer.pid(), peer.uid(), geteuid().as_raw()),
            false => failure.into(),
        });
    }
}

/// Whether a refusal says that the secret in the environment is for another service of this process:
/// it has another label, or is taken over by this process, or has been. A secret that is void
/// otherwise may have been for this service, which its owner has given up to hand over.
fn is_for_another(reason: RefuseReason, owner: i32) -> bool {
    match reason {
        RefuseReason::Service | RefuseReason::SecretUsed => true,
        RefuseReason::Secret => is_this_process(owner),
        _ => false,
    }
}

fn is_this_process(pid: i32) -> bool {
    u32::try_from(pid) == Ok(std::process::id())
}

/// Why nothing was taken over.
enum Trouble {
    Error(Error),
    Failure(Failure),
}

/// Looks for a predecessor: the one that has spawned this process, or anybody on the handoff socket.
fn find(settings: &Settings, spawned: Option<&Spawned>) -> Result<Option<Met>, Error> {
    if settings.takeover == Takeover::Never {
        return Ok(None);
    }
    let configured = settings.handoff.as_ref();
    let by_parent = |spawned: &Spawned| greet(settings, &spawned.socket, spawned.secret);
    let met = match (configured, spawned) {
        (Some(address), Some(spawned)) if *address == spawned.socket => by_parent(spawned)?,
        (None, Some(spawned)) => by_parent(spawned)?,
        (Some(address), None) => greet(settings, address, None)?,
        // The address has changed since, or the parent spawned this process for another service.
        (Some(address), Some(spawned)) => match greet(settings, address, None)? {
            Some(met) => Some(met),
            None => by_parent(spawned)?,
        },
        (None, None) => None,
    };
    match (met, configured) {
        (None, _) if settings.takeover == Takeover::Require => Err(absent(configured)),
        (met, _) => Ok(met),
    }
}

fn absent(configured: Option<&UnixAddress>) -> Error {
    let text = match configured {
        Some(address) => return nobody(address),
        None => "no handoff socket is set and no predecessor has spawned this process",
    };
    Error::new(ErrorKind::Absent, text)
}

pub(crate) fn nobody(address: &UnixAddress) -> Error {
    Error::new(ErrorKind::Absent, format!("nobody listens on the handoff socket {address}"))
}

/// Connects to whoever listens there. A foreign user's socket is not even waited on.
fn greet(
    settings: &Settings,
    address: &UnixAddress,
    secret: Option<Secret>,
) -> Result<Option<Met>, Error> {
    match owner_of(address)? {
        Some(uid) if !settings.trusts(uid) => return Err(squatted(address, uid)),
        _ => {}
    }
    let met = connect_to(address, CONNECT_TIMEOUT)?;
    Ok(met.map(|channel| Met { channel, address: address.clone(), secret }))
}

fn unwatched(error: io::Error) -> Error {
    Error::io("the predecessor's process cannot be watched", error)
}

pub(crate) fn squatted(address: &UnixAddress, uid: u32) -> Error {
    let text = format!(
        "the handoff socket {address} is squatted by user {uid}, this process is user {}: choose a \
         path in a folder that is yours, or trust that user",
        geteuid()
    );
    Error::new(ErrorKind::Squatted, text)
}

/// Takes over from the process that was met.
fn take_over(settings: &Arc<Settings>, met: Met) -> Result<Driver, Trouble> {
    let mut holdings = new_core(settings).map_err(Trouble::Error)?;
    let side = SuccessorSide::new(&mut holdings, met.channel, met.address, met.secret)
        .map_err(Trouble::Error)?;
    let mut driver = Driver::new(holdings, Role::Successor(Box::new(side)));
    driver.run_until_inherited().map_err(Trouble::Failure)?;
    Ok(driver)
}

/// Begins the service, unless somebody else has just done so.
fn begin(settings: &Arc<Settings>) -> Result<Option<Driver>, Error> {
    let address = match &settings.handoff {
        Some(address) => address.clone(),
        None => UnixAddress::private()?,
    };
    // What can fail is done before there is something to be left behind.
    let mut holdings = new_core(settings)?;
    let token = Token::create(0).map_err(|error| Error::io("the token cannot be made", error))?;
    holdings.token = Some(token);
    let listener = match ControlListener::bind(&address)? {
        Bound::Here(listener) => listener,
        Bound::Taken if settings.takeover == Takeover::Never => {
            return Err(taken(&address, TAKEN_AT_START));
        }
        Bound::Taken => return Ok(None),
    };
    holdings.listener = Some(listener);
    holdings.unfinished = true;
    let side = PredecessorSide::new(&holdings, 1, 0, Vec::new(), false);
    Ok(Some(Driver::new(holdings, Role::Predecessor(Box::new(side)))))
}

fn new_core(settings: &Arc<Settings>) -> Result<Holdings, Error> {
    Holdings::new(Arc::clone(settings))
        .map_err(|error| Error::io("the upgrader cannot be made", error))
}

/// A predecessor that went away before it had handed everything over: somebody else may be there
/// now, or nobody.
fn may_try_again(settings: &Settings, failure: &Failure) -> bool {
    let gone = matches!(failure, Failure::Closed { .. } | Failure::Died { .. });
    gone && (is_greeting(failure) || settings.takeover == Takeover::IfPresent)
}

/// The peer went away before it had said anything.
fn is_greeting(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Closed { phase: Phase::Greeting } | Failure::Died { phase: Phase::Greeting, .. }
    )
}
