//! What a fuzzer has come up with, read as whatever a target needs.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::abort::{Abort, AbortReason};
use crate::entry::{Address, Entry, FileId, Identity, Kind, Socket};
use crate::failure::Cause;
use crate::limits::{MAX_ADDRESS, MAX_DESCRIPTORS, MAX_NAME, MAX_OPAQUE};
use crate::manifest::Manifest;
use crate::message::{
    Commit, DrainingGeneration, Happened, Happening, Hello, LastFailure, Listed, Message, Open,
    Outcome, Progress, Ready, Received, RunningHandoff, Secret, StatusReport, Welcome,
};
use crate::name::Name;
use crate::phase::Phase;
use crate::refuse::{Refuse, RefuseReason};
use crate::timeouts::Timeouts;

/// Bytes that are used up. When there are none left, everything is zero or empty.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *byte
    }

    /// One of so many.
    pub(super) fn choose(&mut self, of: u8) -> u8 {
        self.byte() % of.max(1)
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number of one, two, four or eight bytes: small ones are likely.
    pub(super) fn number(&mut self) -> u64 {
        let length = 1_usize << self.choose(4);
        self.take(length).iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// At most so many bytes.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        self.take(length.min(most))
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes(MAX_NAME)).into_owned()
    }

    fn name(&mut self) -> Name {
        let text = self.text();
        // Replaced characters may have made it longer. `name` has neither too few bytes nor too many.
        Name::new(&text)
            .or_else(|_| Name::new("name"))
            .unwrap_or_else(|invalid| unreachable!("{invalid}"))
    }

    fn file(&mut self) -> FileId {
        FileId { device: self.number(), inode: self.number() }
    }

    fn identity(&mut self) -> Identity {
        match self.flag() {
            true => Identity::File(self.file()),
            false => Identity::Socket(Socket {
                domain: self.number() as i32,
                kind: self.number() as i32,
                protocol: self.number() as i32,
                listening: self.flag(),
                local: self.address(),
                cookie: self.number(),
            }),
        }
    }

    pub(super) fn entry(&mut self) -> Entry {
        Entry {
            kind: Kind::from(self.number() as u16),
            name: self.name(),
            identity: self.identity(),
            path: self.flag().then(|| self.file()),
            opaque: self.bytes(MAX_OPAQUE).to_vec().try_into().unwrap_or_default(),
        }
    }

    /// As many as there are bytes for, and at most so many.
    pub(super) fn entries(&mut self, most: usize) -> Vec<Entry> {
        let wanted = usize::try_from(self.number()).unwrap_or(usize::MAX).min(most);
        let mut entries = Vec::new();
        while entries.len() < wanted && !self.is_empty() {
            entries.push(self.entry());
        }
        entries
    }

    fn secret(&mut self) -> Option<Secret> {
        self.flag().then(|| Secret([self.byte(); 32]))
    }

    pub(super) fn hello(&mut self) -> Hello {
        Hello {
            lowest: self.number() as u16,
            highest: self.number() as u16,
            features: self.number(),
            free_slots: self.number(),
            pid: self.number() as u32,
            service: self.text(),
            build: self.text(),
            secret: self.secret(),
        }
    }

    pub(super) fn timeouts(&mut self) -> Timeouts {
        let mut time = || Duration::from_millis(self.number());
        Timeouts { ready: time(), ready_cap: time(), commit: time() }
    }

    fn welcome(&mut self) -> Welcome {
        Welcome {
            version: self.number() as u16,
            generation: self.number(),
            attempt: self.number(),
            entries: self.number(),
            timeouts: self.timeouts(),
            pid: self.number() as u32,
            build: self.text(),
        }
    }

    fn refuse(&mut self) -> Refuse {
        Refuse {
            reason: RefuseReason::from(self.number() as u16),
            generation: self.number(),
            phase: Phase::from(self.byte()),
            age_ms: self.number(),
            needed: self.number(),
            available: self.number(),
            text: self.text(),
        }
    }

    pub(super) fn abort(&mut self) -> Abort {
        Abort::new(AbortReason::from(self.number() as u16), &self.text())
    }

    fn report(&mut self) -> StatusReport {
        let mut report = StatusReport {
            generation: self.number(),
            pid: self.number() as u32,
            service: self.text(),
            build: self.text(),
            phase: Phase::from(self.byte()),
            age_ms: self.number(),
            uptime_ms: self.number(),
            entries: self.number(),
            draining: Vec::new(),
            open: self.open(),
            handoff: self
                .flag()
                .then(|| RunningHandoff { pid: self.number() as u32, build: self.text() }),
            last_failure: self.flag().then(|| self.failure()),
            listed: Vec::new(),
        };
        for _ in 0..self.choose(4) {
            let draining = DrainingGeneration {
                generation: self.number(),
                pid: self.byte().into(),
                open: self.open(),
            };
            report.draining.push(draining);
        }
        for _ in 0..self.choose(4) {
            report.listed.push(self.listed());
        }
        report
    }

    fn open(&mut self) -> Option<u64> {
        self.flag().then(|| self.number())
    }

    fn failure(&mut self) -> LastFailure {
        LastFailure {
            phase: Phase::from(self.byte()),
            took_ms: self.number(),
            ago_ms: self.number(),
            text: self.text(),
        }
    }

    fn listed(&mut self) -> Listed {
        Listed {
            kind: Kind::from(self.number() as u16),
            name: self.name(),
            address: self.address(),
        }
    }

    fn address(&mut self) -> Address {
        self.bytes(MAX_ADDRESS).to_vec().try_into().unwrap_or_default()
    }

    fn happened(&mut self) -> Happened {
        Happened {
            event: Happening::from(self.number() as u16),
            pid: self.number() as u32,
            generation: self.number(),
            phase: Phase::from(self.byte()),
            took_ms: self.number(),
            number: self.number(),
            text: self.text(),
        }
    }

    fn outcome(&mut self) -> Outcome {
        match self.flag() {
            true => Outcome::Failed { cause: Cause::from(self.number() as u16), text: self.text() },
            false => Outcome::Committed { pid: self.number() as u32, generation: self.number() },
        }
    }

    fn ready(&mut self) -> Ready {
        let stray_count = self.number();
        let strays = (0..self.choose(4)).map(|_| self.name()).collect();
        Ready { stray_count, strays }
    }

    /// Any message that can be said.
    pub(super) fn message(&mut self) -> Message {
        match self.choose(21) {
            0 => Message::Hello(self.hello()),
            1 => Message::Welcome(self.welcome()),
            2 => Message::Refuse(self.refuse()),
            3 => {
                let last = self.flag();
                let entries = self.entries(MAX_DESCRIPTORS).into_iter().map(|entry| (entry, ()));
                Message::Manifest(Manifest { entries: entries.collect(), last })
            }
            4 => Message::Received(Received { count: self.number() }),
            5 => Message::Progress(Progress { text: self.text() }),
            6 => Message::Ready(self.ready()),
            7 => Message::Commit(Commit { late_state: self.bytes(usize::MAX).to_vec() }),
            8 => Message::Released,
            9 => Message::Owned,
            10 => Message::Retired,
            11 => Message::Abort(self.abort()),
            12 => Message::Status,
            13 => Message::StatusReport(self.report()),
            14 => Message::Upgrade,
            15 => Message::Outcome(self.outcome()),
            16 => Message::Draining,
            17 => Message::Open(Open { open: self.number() }),
            18 => Message::Watch,
            19 => Message::Happened(self.happened()),
            // Whichever is not known, and may be skipped.
            _ => Message::Unknown(0x7f00 | u16::from(self.byte())),
        }
    }

    /// A frame: mostly one of a message, sometimes with a byte changed, sometimes none at all.
    pub(super) fn frame(&mut self) -> Vec<u8> {
        let damage = self.byte();
        if damage == 0xff {
            return self.bytes(usize::MAX).to_vec();
        }
        let mut frame = self.message().encode().unwrap_or_default();
        if damage >= 0xf0
            && let Some(byte) = frame.get_mut(usize::from(self.byte()))
        {
            *byte ^= self.byte();
        }
        frame
    }
}
