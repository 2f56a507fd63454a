//! The fields of a body in their order, written by hand from section 5 of PROTOCOL.md: what every
//! encoder of the protocol has to bring about, whichever one is in use.

use heirloom_proto::{
    Entry, FileId, Happened, Hello, Identity, Message, Outcome, Refuse, StatusReport, Welcome,
};

/// One field, by the name under which an error tells it.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    /// Bytes on the wire; of text and bytes with the count before them, of a list the count alone.
    pub length: usize,
    /// It begins with a `u64` that counts what follows.
    pub counted: bool,
}

/// The fields of a message. Together they are its body.
pub fn layout(message: &Message) -> Vec<Field> {
    match message {
        Message::Hello(hello) => of_hello(hello),
        Message::Welcome(welcome) => of_welcome(welcome),
        Message::Refuse(refuse) => of_refuse(refuse),
        Message::Manifest(manifest) => {
            let entries = manifest.entries.iter().enumerate();
            let entries = entries.flat_map(|(index, (entry, ()))| of_entry(index, entry));
            [fixed("last", 1), list("entries")].into_iter().chain(entries).collect()
        }
        Message::Received(_) => vec![fixed("count", 8)],
        Message::Progress(progress) => vec![counted("text", progress.text.len())],
        Message::Ready(ready) => {
            let names = ready.strays.iter().enumerate();
            let names = names
                .map(|(index, name)| counted(&format!("strays[{index}]"), name.as_str().len()));
            [fixed("stray_count", 8), list("strays")].into_iter().chain(names).collect()
        }
        Message::Commit(commit) => vec![counted("late_state", commit.late_state.len())],
        Message::Abort(abort) => vec![fixed("reason", 2), counted("text", abort.text.len())],
        Message::StatusReport(report) => of_report(report),
        Message::Outcome(outcome) => of_outcome(outcome),
        Message::Open(_) => vec![fixed("open", 8)],
        Message::Happened(happened) => of_happened(happened),
        _ => Vec::new(),
    }
}

/// The field that holds the byte at `offset` of the body, with those before it.
pub fn at(fields: &[Field], offset: usize) -> (&Field, &[Field]) {
    let mut end = 0;
    let index = fields.iter().position(|field| {
        end += field.length;
        offset < end
    });
    let index = index.unwrap();
    (&fields[index], &fields[..index])
}

fn fixed(name: &str, length: usize) -> Field {
    Field { name: name.into(), length, counted: false }
}

fn counted(name: &str, bytes: usize) -> Field {
    Field { name: name.into(), length: 8 + bytes, counted: true }
}

fn list(name: &str) -> Field {
    counted(name, 0)
}

fn of_hello(hello: &Hello) -> Vec<Field> {
    vec![
        fixed("lowest", 2),
        fixed("highest", 2),
        fixed("features", 8),
        fixed("free_slots", 8),
        fixed("pid", 4),
        counted("service", hello.service.len()),
        counted("build", hello.build.len()),
        fixed("secret", if hello.secret.is_some() { 33 } else { 1 }),
    ]
}

fn of_welcome(welcome: &Welcome) -> Vec<Field> {
    vec![
        fixed("version", 2),
        fixed("generation", 8),
        fixed("attempt", 8),
        fixed("entries", 8),
        fixed("timeouts.ready", 8),
        fixed("timeouts.ready_cap", 8),
        fixed("timeouts.commit", 8),
        fixed("pid", 4),
        counted("build", welcome.build.len()),
    ]
}

fn of_refuse(refuse: &Refuse) -> Vec<Field> {
    vec![
        fixed("reason", 2),
        fixed("generation", 8),
        fixed("phase", 1),
        fixed("age_ms", 8),
        fixed("needed", 8),
        fixed("available", 8),
        counted("text", refuse.text.len()),
    ]
}

fn of_entry(index: usize, entry: &Entry) -> Vec<Field> {
    let mut fields = vec![
        fixed("kind", 2),
        counted("name", entry.name.as_str().len()),
        fixed("identity.variant", 4),
    ];
    match &entry.identity {
        Identity::Socket(socket) => fields.extend([
            fixed("identity.domain", 4),
            fixed("identity.kind", 4),
            fixed("identity.protocol", 4),
            fixed("identity.listening", 1),
            counted("identity.local", socket.local.as_bytes().len()),
            fixed("identity.cookie", 8),
        ]),
        Identity::File(FileId { .. }) => {
            fields.extend([fixed("identity.device", 8), fixed("identity.inode", 8)]);
        }
    }
    fields.push(fixed("path", 1));
    if entry.path.is_some() {
        fields.extend([fixed("path.device", 8), fixed("path.inode", 8)]);
    }
    fields.push(counted("opaque", entry.opaque.as_bytes().len()));
    for field in &mut fields {
        field.name.insert_str(0, &format!("entries[{index}]."));
    }
    fields
}

fn of_report(report: &StatusReport) -> Vec<Field> {
    let mut fields = vec![
        fixed("generation", 8),
        fixed("pid", 4),
        counted("service", report.service.len()),
        counted("build", report.build.len()),
        fixed("phase", 1),
        fixed("age_ms", 8),
        fixed("uptime_ms", 8),
        fixed("entries", 8),
        list("draining"),
    ];
    for index in 0..report.draining.len() {
        fields.push(fixed(&format!("draining[{index}].generation"), 8));
        fields.push(fixed(&format!("draining[{index}].pid"), 4));
        let open = report.draining[index].open;
        fields.push(fixed(&format!("draining[{index}].open"), optional(8, open.is_some())));
    }
    fields.push(fixed("open", optional(8, report.open.is_some())));
    fields.push(fixed("handoff", 1));
    if let Some(handoff) = &report.handoff {
        fields.extend([fixed("handoff.pid", 4), counted("handoff.build", handoff.build.len())]);
    }
    fields.push(fixed("last_failure", 1));
    if let Some(failure) = &report.last_failure {
        fields.extend([
            fixed("last_failure.phase", 1),
            fixed("last_failure.took_ms", 8),
            fixed("last_failure.ago_ms", 8),
            counted("last_failure.text", failure.text.len()),
        ]);
    }
    fields.push(list("listed"));
    for (index, listed) in report.listed.iter().enumerate() {
        fields.push(fixed(&format!("listed[{index}].kind"), 2));
        fields.push(counted(&format!("listed[{index}].name"), listed.name.as_str().len()));
        fields.push(counted(&format!("listed[{index}].address"), listed.address.as_bytes().len()));
    }
    fields
}

fn optional(length: usize, is_there: bool) -> usize {
    if is_there { 1 + length } else { 1 }
}

fn of_happened(happened: &Happened) -> Vec<Field> {
    vec![
        fixed("event", 2),
        fixed("pid", 4),
        fixed("generation", 8),
        fixed("phase", 1),
        fixed("took_ms", 8),
        fixed("number", 8),
        counted("text", happened.text.len()),
    ]
}

fn of_outcome(outcome: &Outcome) -> Vec<Field> {
    let variant = fixed("variant", 4);
    match outcome {
        Outcome::Committed { .. } => vec![variant, fixed("pid", 4), fixed("generation", 8)],
        Outcome::Failed { text, .. } => {
            vec![variant, fixed("cause", 2), counted("text", text.len())]
        }
    }
}
