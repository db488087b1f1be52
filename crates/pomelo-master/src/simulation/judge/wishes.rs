//! What administrators have asked for, what they were told of it, and so what must be: a command that was refused is never carried
//! out, and what was acknowledged lasts, whoever leads and whatever dies.
//!
//! Of a command whose outcome nobody was told nothing is demanded but that it is over in the end.

use std::collections::{BTreeMap, BTreeSet};

use pomelo_protocol::{ServerId, admin::Failure};
use serde_json::Value;

use super::{Judge, Rule};
use crate::simulation::core::{Life, Micros, Node};

/// Commands and starts.
#[derive(Default)]
pub(super) struct Wishes {
    all: BTreeMap<String, Wish>,
    starts: BTreeMap<ServerId, Starts>,
    /// Servers that run no more until somebody wants them.
    stopped: BTreeSet<ServerId>,
    /// Those of which the store has, or had, a record.
    on_record: BTreeSet<String>,
    /// Those that were run without one: the coordinator was away, and nobody could be elected. It is said in the answer that they do
    /// not last; if the answer is lost, whoever leads next does not know of them.
    unrecorded: BTreeSet<String>,
}

struct Wish {
    body: Value,
    asked: Micros,
    told: Option<Told>,
}

#[derive(PartialEq)]
enum Told {
    /// Done; `recorded` unless nobody could be elected at that time.
    Done {
        recorded: bool,
    },
    Refused,
}

/// Wishes that a server runs: of those who say `pomelo start`, and of commands.
#[derive(Default)]
struct Starts {
    open: usize,
    last: Micros,
}

/// What a server has of what was asked for.
pub(in crate::simulation) struct Has<'a> {
    pub(in crate::simulation) id: &'a ServerId,
    pub(in crate::simulation) frontend: bool,
    pub(in crate::simulation) crons: &'a BTreeSet<String>,
    pub(in crate::simulation) blocked: &'a BTreeSet<String>,
}

impl Judge {
    /// A tool asks for something for the first time; `ids` are those it is about.
    pub(in crate::simulation) fn asked(&mut self, op: &str, body: &Value, ids: &[ServerId], now: Micros) {
        let signal = body["signal"].as_str().unwrap_or_default();
        if matches!(signal, "stop" | "kill" | "restart") {
            self.to_end.extend(ids.iter().cloned());
        }
        if signal == "restart" {
            for id in ids {
                self.wanted(id, now);
            }
        }
        if is_whole(body) {
            self.whole_asked(op);
        }
        let wish = Wish { body: body.clone(), asked: now, told: None };
        self.wishes.all.insert(op.to_owned(), wish);
    }

    /// A tool was told what became of it, for good.
    pub(in crate::simulation) fn told(
        &mut self,
        op: &str,
        ids: &[ServerId],
        result: &Result<Value, Failure>,
        now: Micros,
    ) {
        self.count("operation answered");
        let Some(wish) = self.wishes.all.get_mut(op) else { return };
        let first = wish.told.is_none();
        let recorded = result.as_ref().is_ok_and(|answer| answer["recorded"] != false);
        let told = if result.is_ok() { Told::Done { recorded } } else { Told::Refused };
        let whole = is_whole(&wish.body);
        let (asked, signal) = (wish.asked, wish.body["signal"].as_str().unwrap_or_default().to_owned());
        wish.told.get_or_insert(told);
        if result.is_err() {
            self.count("operation refused");
            if !self.is_unrecorded(op)
                && let Some((node, life, _)) = self.ran.iter().find(|(_, _, ran)| ran == op).cloned()
            {
                self.breaks(Rule::I4, || format!("{op} was refused, and {:?} has run it", (node, life)));
            }
        }
        match signal.as_str() {
            "drill" => self.drilled(op, result),
            "restart" if first => ids.iter().for_each(|id| self.want_over(id, now)),
            "stop" | "kill" if whole && result.is_ok() => self.whole_answered(op, now),
            "stop" | "kill" if recorded => {
                for id in ids {
                    let starts = self.wishes.starts.entry(id.clone()).or_default();
                    if starts.open == 0 && starts.last < asked {
                        self.wishes.stopped.insert(id.clone());
                        self.count("server stopped for good");
                    }
                }
            }
            _ => {}
        }
    }

    /// A tool asked again for what it was told of before.
    pub(in crate::simulation) fn told_again(
        &mut self,
        op: &str,
        before: &Value,
        now: &Result<Value, Failure>,
    ) {
        self.count("asked again");
        let recorded = |answer: &Value| answer["recorded"] != false;
        let same = match now {
            Ok(now) => now == before || !recorded(now) || !recorded(before),
            Err(_) => !recorded(before),
        };
        if !same && !self.is_unrecorded(op) {
            self.breaks(Rule::I4, || format!("{op} was answered {before}, and later {now:?}"));
        }
    }

    /// Everybody named in the answer has run it.
    fn drilled(&mut self, op: &str, result: &Result<Value, Failure>) {
        let results = result.as_ref().ok().and_then(|answer| answer["results"].as_object());
        for (id, said) in results.into_iter().flatten() {
            let Some(life) = said["body"]["life"].as_u64() else { continue };
            if !self.ran.iter().any(|(_, of, ran)| *of == life && ran == op) {
                self.breaks(Rule::I4, || format!("{op} is said to have run at {id}, which has not run it"));
            }
        }
    }

    /// Somebody wants a server to run.
    pub(in crate::simulation) fn wanted(&mut self, id: &ServerId, now: Micros) {
        self.wishes.stopped.remove(id);
        let starts = self.wishes.starts.entry(id.clone()).or_default();
        starts.open += 1;
        starts.last = now;
    }

    /// That wish is over.
    pub(in crate::simulation) fn want_over(&mut self, id: &ServerId, now: Micros) {
        let starts = self.wishes.starts.entry(id.clone()).or_default();
        starts.open = starts.open.saturating_sub(1);
        starts.last = now;
    }

    /// The store has a record of an operation.
    pub(in crate::simulation) fn is_on_record(&mut self, op: &str) {
        if !self.wishes.on_record.contains(op) {
            self.wishes.on_record.insert(op.to_owned());
        }
    }

    fn is_unrecorded(&self, op: &str) -> bool {
        self.wishes.unrecorded.contains(op)
    }

    /// Something is run.
    pub(super) fn look_whether_refused(&mut self, me: (Node, Life), op: &str) {
        if !self.wishes.on_record.contains(op) {
            self.count("run without record");
            self.wishes.unrecorded.insert(op.to_owned());
        }
        if !self.is_unrecorded(op)
            && self.wishes.all.get(op).is_some_and(|wish| wish.told == Some(Told::Refused))
        {
            self.breaks(Rule::I4, || format!("{me:?} runs {op}, which was refused"));
        }
    }

    /// A server is started.
    pub(super) fn look_whether_stopped(&mut self, id: &ServerId) {
        if self.wishes.stopped.contains(id) {
            self.breaks(Rule::I8, || format!("server {id} was stopped on purpose, and is started"));
        }
    }

    /// Whether a server has what was acknowledged, and nothing that was refused or taken back.
    pub(in crate::simulation) fn lasts(&self, server: &Has<'_>) -> Result<(), String> {
        let Has { id, frontend, crons, blocked } = *server;
        let removed =
            |job: &str| self.signalled("removeCron").any(|(_, wish)| wish.body["cron"]["id"] == job);
        let lasts = |op: &str, wish: &Wish| {
            wish.told == Some(Told::Done { recorded: true }) && !self.is_unrecorded(op)
        };
        for (op, wish) in self.signalled("addCron") {
            let its = wish.body["cron"]["serverId"].as_str().is_none_or(|of| of == id.as_str());
            let has = crons.contains(op);
            if has && (!its || wish.told == Some(Told::Refused)) {
                return Err(format!("server {id} has job {op}, which is not its own"));
            }
            if its && !has && lasts(op, wish) && !removed(op) {
                return Err(format!("server {id} lacks job {op}"));
            }
        }
        for (_, wish) in self.signalled("removeCron").filter(|(op, wish)| lasts(op, wish)) {
            let job = wish.body["cron"]["id"].as_str().unwrap_or_default();
            if crons.contains(job) {
                return Err(format!("server {id} has job {job} still"));
            }
        }
        for (op, wish) in self.signalled("blacklist").filter(|(op, wish)| frontend && lasts(op, wish)) {
            if wish.body["args"][0].as_str().is_some_and(|address| !blocked.contains(address)) {
                return Err(format!("frontend {id} lets in what {op} has blocked"));
            }
        }
        Ok(())
    }

    fn signalled(&self, signal: &str) -> impl Iterator<Item = (&String, &Wish)> {
        self.wishes.all.iter().filter(move |(_, wish)| wish.body["signal"] == signal)
    }
}

fn is_whole(body: &Value) -> bool {
    matches!(body["signal"].as_str(), Some("stop" | "kill")) && !body["ids"].is_array()
}
