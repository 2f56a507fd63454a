//! The socket on which this process is found, and the one it is going to be found on.

use super::Holdings;
use crate::address::UnixAddress;
use crate::control::{Bound, ControlListener};
use crate::error::{Error, ErrorKind};

impl Holdings {
    /// Sees to it that a successor can find this process: where the path of its handoff socket was
    /// removed it listens there again. Tells whether it does.
    pub(crate) fn keep_reachable(&mut self) -> Result<bool, Error> {
        let lost = self.listener.as_ref().filter(|listener| !listener.is_in_place());
        let Some(address) = lost.map(|listener| listener.address().clone()) else {
            return Ok(false);
        };
        match ControlListener::bind(&address)? {
            Bound::Here(listener) => {
                tracing::warn!(target: "heirloom", event = "handoff_socket_remade", %address, "the handoff socket had been removed and was made anew");
                self.listener = Some(listener);
                Ok(true)
            }
            Bound::Taken => {
                Err(taken(&address, "end that process or remove its socket, then upgrade again"))
            }
        }
    }

    /// Binds the handoff socket that this process is set to, if it is not the predecessor's.
    pub(crate) fn prepare_listener(&mut self, met_at: &UnixAddress) -> Result<(), Error> {
        let Some(wanted) = self.settings.handoff.as_ref().filter(|wanted| *wanted != met_at) else {
            return Ok(());
        };
        if self.next_listener.is_none() {
            match ControlListener::bind(wanted)? {
                Bound::Here(listener) => self.next_listener = Some(listener),
                Bound::Taken => return Err(taken(wanted, TAKEN_AT_START)),
            }
        }
        Ok(())
    }

    /// Moves to the handoff socket that was prepared, if one was. Tells whether one was.
    pub(crate) fn move_listener(&mut self) -> bool {
        let Some(next) = self.next_listener.take() else {
            return false;
        };
        if let Some(old) = self.listener.replace(next) {
            old.unlink();
        }
        true
    }

    /// Moves to the handoff socket that this process is set to, if the predecessor died before it was
    /// time to prepare that. It owns the service already, so it stays where it is if it must. Tells
    /// whether it has moved.
    pub(crate) fn follow_settings(&mut self) -> bool {
        let Some(met_at) = self.origin.as_ref().map(|origin| origin.met_at.clone()) else {
            return false;
        };
        if let Err(error) = self.prepare_listener(&met_at) {
            tracing::error!(target: "heirloom", event = "handoff_socket_not_moved", reason = %error, "the handoff socket stays at {met_at}");
        }
        self.move_listener()
    }

    /// Lets the predecessor's handoff socket go, and this process's own if one was prepared.
    pub(crate) fn abandon_listeners(&mut self) {
        self.listener = None;
        if let Some(next) = self.next_listener.take() {
            next.unlink();
        }
    }
}

/// What to do about a handoff socket that cannot be this process's.
pub(crate) const TAKEN_AT_START: &str = "end that process or choose another";

pub(crate) fn taken(address: &UnixAddress, way_out: &str) -> Error {
    let text = format!("the handoff socket {address} belongs to another process: {way_out}");
    Error::new(ErrorKind::AddressInUse, text)
}
