//! What the library tells by `tracing`: every event by its name, for whoever filters or counts them.
//!
//! All have the target `heirloom`, a field `event` with the name, and a message for people, which may
//! change. Names and fields do not. `pid` is the other process of the handoff, as the kernel tells it;
//! `took_ms` how long the handoff has taken up to then, in milliseconds; `reason` a text for people.
//!
//! Of a handoff, in the process that owns the service:
//!
//! | event | level | fields | when |
//! |---|---|---|---|
//! | `successor_introduced` | info | `pid` | a successor has connected and may begin; it may be kept waiting yet |
//! | `handoff_began` | info | `pid`, `build`, `took_ms` | nothing keeps it waiting |
//! | `handoff_phase` | debug | `pid`, `phase`, `took_ms` | the handoff has come to another phase |
//! | `successor_progress` | info | `pid`, `text`, `took_ms` | the successor tells what it is doing |
//! | `successor_ready` | info | `pid`, `strays`, `took_ms` | the successor could serve |
//! | `handed_over` | info | `pid`, `generation`, `took_ms` | the successor owns the service |
//! | `handoff_failed` | warn | `pid`, `phase`, `took_ms`, `reason` | nothing has changed hands |
//! | `taken_back` | warn | `pid`, `phase`, `took_ms`, `reason`, `leaked` | the service was the successor's for a moment, or nobody's; `leaked`: a forked child of the dead held the token |
//! | `successor_refused` | info | `pid`, `phase`, `reason` | a successor may not begin, or not go on |
//! | `generation_retired` | info | `pid`, `generation` | an older generation has finished draining, or has ended |
//! | `service_stopped` | info | | the service is stopped |
//!
//! Of a handoff, in the successor:
//!
//! | event | level | fields | when |
//! |---|---|---|---|
//! | `takeover_phase` | debug | `pid`, `phase`, `took_ms` | the handoff has come to another phase |
//! | `service_owned` | info | `pid`, `generation`, `orphaned`, `took_ms` | this process owns the service; `orphaned`: its predecessor has died |
//! | `service_not_owned` | warn | `pid`, `phase`, `took_ms`, `reason` | this process does not own the service, and will not |
//!
//! Beside that, in either:
//!
//! | event | level | fields | when |
//! |---|---|---|---|
//! | `upgrade_not_begun` | warn | `reason` | an upgrade that a signal or a tool has asked for cannot begin |
//! | `successor_not_begun` | warn | | the program of a spawned successor does not begin: it is ended if it does |
//! | `successor_fenced` | warn | `pid` | a successor that holds the token and is silent is killed |
//! | `successor_not_ended` | error | `reason` | it cannot be |
//! | `foreign_user` | warn, then debug | `uid`, `pid` | a user who is not trusted has connected |
//! | `connection_not_accepted` | warn | `reason` | a limit keeps this process from taking a connection |
//! | `strays_kept` | info | `count`, `names` | entries not claimed are kept |
//! | `strays_closed` | warn | `count`, `names` | entries not claimed are closed |
//! | `strays_not_settled` | error | `reason` | they stay open |
//! | `handoff_socket_remade` | warn | `address` | the path was gone |
//! | `handoff_socket_not_moved` | error | `reason` | the socket stays at its old address |
//! | `handoff_socket_not_put_back` | error | `reason` | it tells a successor's credentials |
//! | `pid_file_not_put_back` | error | `reason` | it names a successor |
//! | `not_published` | error | `reason` | the service was taken over from a dead process all the same |
//! | `token_leaked` | warn | | a copy of the old token stays locked: there is a new one |
//! | `token_not_locked`, `token_not_unlocked`, `token_not_renewed` | error | `reason` | a system call with the token has failed |
//! | `state_not_taken` | info | `name`, `schema` | a state is offered to this process, and it is ready without it |
//! | `state_not_awaited` | warn | `asked` | a handoff is over while a state is asked for |
//! | `state_not_thawed` | error | `asked`, `reason` | what was frozen for a handoff that has failed may be frozen still |
//! | `last_words_lost` | error | `reason` | what the predecessor has said last cannot be read |
//! | `not_drained` | warn | `finished`, `dropped` | the hard limit of a drain is reached, and what is left is given up |
//! | `waits_for_end` | info | | whoever was there has left and lives: a start waits a little for its end |
//! | `poll_failed` | warn | `reason` | the driver tries again |
//! | `unknown_output` | error | `other` | a fault of this library |
//!
//! With the feature `systemd`:
//!
//! | event | level | fields | when |
//! |---|---|---|---|
//! | `systemd_told` | debug | `text` | systemd has been sent something |
//! | `systemd_not_told` | warn | `text`, `reason` | it cannot be, and misses that |
//! | `systemd_not_found` | warn | `address`, `reason` | nobody is at `NOTIFY_SOCKET`, and nobody is told anything |
//! | `systemd_not_heard` | warn | `waited_ms` | it has not read everything before this process ends |
//! | `passed_not_closed` | warn | `reason` | what came from the descriptor store stays open when the service has given it up |
//! | `passed_not_taken` | warn | `reason` | what `LISTEN_FDS` tells of cannot be taken |
//! | `passed_unclaimed` | warn | `names` | sockets of a socket unit are not claimed when the application is ready |
//! | `listener_not_stored` | warn | `name`, `reason` | a listener is not kept in the descriptor store |
//!
//! With the feature `fault-points` there is the target `heirloom::step` too, at level `trace`.
