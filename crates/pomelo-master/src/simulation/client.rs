//! An administrator's tool that wants things changed, as `pomelo_cluster::admin::Asker` does it: it finds who leads, asks under the
//! number of an operation, and asks whoever leads next under the same one, until a master answers.

use std::{collections::BTreeMap, rc::Rc};

use pomelo_protocol::{
    ServerId,
    admin::{
        AdminMessage, ClientRegister, Envelope, Failure, Hello, MasterRole, Register, Registered, Response,
    },
};
use serde_json::{Value, json};

use super::{
    core::{Core, Life, MS, Micros, Node, SECOND, Timer, What},
    net::ConnId,
    server::ORDERS,
};

const PAUSE: Micros = 100 * MS;
const TIMEOUT: Micros = 5 * SECOND;
const LOOK_AROUND: Micros = 500 * MS;

pub(super) struct Client {
    me: (Node, Life),
    masters: Vec<Node>,
    ids: Vec<ServerId>,
    op: Option<(String, Value)>,
    left: usize,
    count: u64,
    /// Counts attempts: timers of former ones mean nothing.
    attempt: u64,
    /// Masters that are being looked at.
    looking: BTreeMap<ConnId, bool>,
    expected: usize,
    found: Option<(u64, ConnId)>,
    /// Who was asked, and in which epoch it led.
    asked: Option<(u64, ConnId)>,
}

impl Client {
    pub(super) fn new(core: &mut Core, me: (Node, Life), masters: &[Node], ids: &[ServerId]) -> Self {
        let first = core.rng.u64(200 * MS..3 * SECOND);
        core.timer(me, first, Timer::Ask(0));
        Self {
            me,
            masters: masters.to_vec(),
            ids: ids.to_vec(),
            op: None,
            left: core.rng.usize(1..=4),
            count: 0,
            attempt: 0,
            looking: BTreeMap::new(),
            expected: 0,
            found: None,
            asked: None,
        }
    }

    pub(super) fn waits_for(&self) -> Option<&str> {
        self.op.as_ref().map(|(op, _)| op.as_str())
    }

    /// What it still wants, it does not want any more.
    pub(super) fn wants_no_more(&mut self) {
        self.left = 0;
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Timer(Timer::Ask(attempt)) if attempt == self.attempt => self.begin(core),
            What::Timer(Timer::Look(attempt)) if attempt == self.attempt => self.look(core),
            What::Opened { conn, .. } => self.opened(core, conn),
            What::NotOpened { .. } => {
                self.expected = self.expected.saturating_sub(1);
                self.looked(core);
            }
            What::Message { conn, message } => self.message(core, conn, Rc::unwrap_or_clone(message)),
            What::Closed { conn, .. } => self.closed(core, conn),
            _ => {}
        }
    }

    fn begin(&mut self, core: &mut Core) {
        if self.op.is_none() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            self.op = Some(self.wish(core));
        }
        self.attempt += 1;
        self.close_all(core);
        self.look(core);
    }

    fn wish(&mut self, core: &mut Core) -> (String, Value) {
        self.count += 1;
        let op = format!("op-{}-{}", self.me.0, self.count);
        let one = core.rng.choice(&self.ids).cloned().into_iter().collect::<Vec<_>>();
        let body = match core.rng.u32(..20) {
            0 => {
                core.judge.asked_to_end(&one);
                json!({ "signal": "stop", "ids": one, "op": op })
            }
            1 => {
                core.judge.asked_to_end(&one);
                json!({ "signal": "kill", "ids": one, "op": op })
            }
            2 => json!({ "signal": "handover", "op": op }),
            3..6 => {
                core.judge.asked_to_end(&one);
                json!({ "signal": "restart", "ids": one, "op": op })
            }
            _ => json!({ "signal": "drill", "run": "run", "n": self.count, "op": op }),
        };
        core.trace(|| format!("tool {} wants {body}", self.me.0));
        (op, body)
    }

    /// Asks every master who leads.
    fn look(&mut self, core: &mut Core) {
        if self.op.is_none() {
            return;
        }
        for conn in std::mem::take(&mut self.looking).into_keys() {
            core.close(conn, self.me.0, true);
        }
        self.found = None;
        self.expected = self.masters.len();
        for master in self.masters.clone() {
            core.dial(self.me, master);
        }
        let again = if self.asked.is_some() { LOOK_AROUND } else { TIMEOUT };
        core.timer(self.me, again, Timer::Look(self.attempt));
    }

    fn opened(&mut self, core: &mut Core, conn: ConnId) {
        self.looking.insert(conn, false);
        let register = Register::Client(ClientRegister {
            id: format!("tool-{}", self.me.0),
            username: "admin".into(),
            password: "admin".into(),
            md5: false,
            hello: Some(Hello::new()),
        });
        core.send(conn, self.me.0, Rc::new(AdminMessage::Register(register)));
    }

    fn message(&mut self, core: &mut Core, conn: ConnId, message: AdminMessage) {
        match message {
            AdminMessage::Registered(reply) if self.looking.contains_key(&conn) => {
                self.registered(core, conn, &reply);
            }
            AdminMessage::Client(Envelope::Response(response))
                if self.asked.is_some_and(|(_, asked)| asked == conn) =>
            {
                self.answered(core, response);
            }
            _ => {}
        }
    }

    fn registered(&mut self, core: &mut Core, conn: ConnId, reply: &Registered) {
        self.expected = self.expected.saturating_sub(1);
        let leads = reply.cluster.as_ref().filter(|state| state.role == MasterRole::Active);
        match leads.map(|state| state.view.epoch) {
            Some(epoch) if self.found.is_none_or(|(found, _)| found < epoch) => {
                self.found = Some((epoch, conn));
            }
            _ => {}
        }
        self.looked(core);
    }

    /// Asks the one that leads, or waits.
    fn looked(&mut self, core: &mut Core) {
        let Some((epoch, conn)) = self.found else {
            if self.expected == 0 && self.asked.is_none() {
                core.timer(self.me, PAUSE, Timer::Ask(self.attempt));
            }
            return;
        };
        if self.asked.is_some_and(|(asked, _)| asked >= epoch) {
            return;
        }
        let Some((_, body)) = self.op.clone() else { return };
        if let Some((_, old)) = self.asked.take() {
            core.close(old, self.me.0, true);
        }
        self.looking.remove(&conn);
        self.asked = Some((epoch, conn));
        let request = Envelope::request(self.attempt, ORDERS, body);
        core.send(conn, self.me.0, Rc::new(AdminMessage::Client(request)));
        core.timer(self.me, LOOK_AROUND, Timer::Look(self.attempt));
    }

    fn answered(&mut self, core: &mut Core, response: Response) {
        let result = response.into_result();
        core.trace(|| format!("tool {} hears {result:?} about {:?}", self.me.0, self.waits_for()));
        match result {
            Err(Failure { leader: Some(_), .. } | Failure { again: true, .. }) => self.again(core),
            result => {
                let Some((op, body)) = self.op.take() else { return };
                if body["signal"] == "handover" && result.is_ok() {
                    core.judge.count("handover");
                }
                if let (Ok(answer), "drill") = (&result, body["signal"].as_str().unwrap_or_default()) {
                    core.judge.answered(&op, answer);
                }
                self.attempt += 1;
                self.close_all(core);
                let pause = core.rng.u64(10 * MS..2 * SECOND);
                core.timer(self.me, pause, Timer::Ask(self.attempt));
            }
        }
    }

    fn again(&mut self, core: &mut Core) {
        self.attempt += 1;
        self.close_all(core);
        core.timer(self.me, PAUSE, Timer::Ask(self.attempt));
    }

    fn closed(&mut self, core: &mut Core, conn: ConnId) {
        if self.asked.take_if(|(_, asked)| *asked == conn).is_some() {
            return self.again(core);
        }
        if self.looking.remove(&conn).is_some() {
            self.found.take_if(|(_, found)| *found == conn);
            self.expected = self.expected.saturating_sub(1);
            self.looked(core);
        }
    }

    fn close_all(&mut self, core: &mut Core) {
        let asked = self.asked.take().map(|(_, conn)| conn);
        for conn in std::mem::take(&mut self.looking).into_keys().chain(asked) {
            core.close(conn, self.me.0, true);
        }
        self.found = None;
    }
}
